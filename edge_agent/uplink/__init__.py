"""What gets to the centre: numbered and kept in the outbox, published until it is acknowledged."""
