"""The grading engine: trusted, sandboxed, and it never loses a submission.

    handin/           what came in, made whole: a notebook read, found, cleaned, rebuilt
    sandbox/          where students' code runs: the fork server, its processes, what they print
    engine/           a notebook to a mark: its cells run there, its tests judged here; many at once
    nbgrader/         a course as nbgrader has it: its files, what was graded, gradebook, lateness
    lms/              learning platforms: downloads in, grades out
    class_run         everyone's submissions of a unit, resumable
    manual_grading/   what a person marks: answers side by side, a rubric, a page
    report/           what people read: the class report, feedback
    commands/         what the shell says
    preprocessors     the engine for plain `nbgrader autograde`

Importing this package imports none of them.
"""
