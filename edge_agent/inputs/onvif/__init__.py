"""What cameras say by ONVIF; only here the library for it is known."""
