-- Presence and the workers of each lane beat for themselves now; what beat under another name is no service any more.
DELETE FROM services;
