"""Setting sites up and trying them out: demo, benches; enrolment and images come with later work."""
