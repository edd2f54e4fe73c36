"""The grading engine: trusted, sandboxed, and it never loses a submission.

    notebook     reads a handed-in file
    rebuild      a handed-in notebook → the instructor's notebook with the student's answers in it
    sandbox      starts a warm process that holds what students may see, and nothing else
    kernel       one student's process, forked from the warm one, and the narrow channel to it
    inside/      what runs in the sandbox; nothing in it is secret or believed
    codec        plain data as bytes, decoded strictly
    time_limit   for work of the grader's own that a student's data can make long
    trusted      grade cells, evaluated here, in the grader's own process
    run          a notebook's cells in the student's process and its tests here, in order
    submission   one notebook through all of these
    gradebook    scores into nbgrader's database, one transaction a submission
    workers      many at once: processes, or a Dask cluster
    cohort       everyone's, on many workers, resumable
    command      `course grade`: progress and the table
    preprocessors   the same parts for plain `nbgrader autograde`
    collect      what a learning platform gives → submitted/; archive, lms and roster read it
    enrol        the roster's names and the due date → the gradebook; lateness applies the penalty
    export       grades for a learning platform; feedback and report write pages
    course       nbgrader's configuration of a course, for all of these

Importing this package imports none of them.
"""

import sys

# nbgrader imports jsonschema, which compiles a grammar of web addresses for a second or more, to
# check a format that nothing in a notebook has. Where the module is missing, it goes without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
