"""The canvas on which scenes are drawn, in JavaScript: one for the page of a box and for the console."""
