"""How the plate reader is made: drawn plates, real ones, networks, training, folds. Needs the extra `train`."""
