"""The tests of the project: a package, so that processes of theirs find it whatever else is called so."""
