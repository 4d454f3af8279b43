# Functions on lists, one thing a line.

# join SEPARATOR: the lines of the input in one.
join() {
  paste -sd "$1" -
}
