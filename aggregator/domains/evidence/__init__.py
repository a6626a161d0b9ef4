"""Pictures of events: announced in the record, brought by a way of their own."""
