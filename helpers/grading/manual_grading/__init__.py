"""Reading what a class wrote, on a page of one's own: `course read`."""
