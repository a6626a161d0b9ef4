"""Who may come in: claims, certificates, revocation."""
