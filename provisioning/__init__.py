"""Setting sites up, and the laboratory that tries them out; images and roll-outs come with later work."""
