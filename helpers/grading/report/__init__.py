"""`course report UNIT`: one HTML page on a class, for the lecturer.

`data` reads the numbers out of the gradebook and the autograded notebooks, `pictures` draws them,
`page` puts both into `page.html`. The page needs no network and no script.
"""
