"""Commands of provisioning, one file per noun."""
