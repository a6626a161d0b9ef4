"""A plan is rehearsed on one machine: a centre and its boxes, with generated pictures in place of cameras."""
