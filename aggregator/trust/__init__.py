"""Who gets in: the deployment's authority, boxes that enrol and are revoked, what the broker lets them do."""
