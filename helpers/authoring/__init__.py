"""From a unit's text to its notebooks, the tables of units, and a class to try them on."""
