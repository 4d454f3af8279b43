# Functions on texts.

# upper TEXT: in capitals.
upper() {
  printf '%s\n' "$1" | tr '[:lower:]' '[:upper:]'
}

# trim TEXT: without spaces around it.
trim() {
  printf '%s\n' "$1" | sed 's/^ *//'
}
