"""What came in, made whole: a notebook read, found, cleaned and rebuilt."""
