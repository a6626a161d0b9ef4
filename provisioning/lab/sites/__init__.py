"""Plans as districts have them, with the mistakes that planners make."""
