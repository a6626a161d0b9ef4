"""What judges say, and the words that they say it with. Pure: nothing here knows a database."""
