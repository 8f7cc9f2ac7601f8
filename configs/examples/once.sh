# Sourced by the example workers that are written in sh: what makes a step safe to repeat.
#
# A step may be handed out again: its worker died, or its answer was lost. The key that Pawl passes names the
# step and stays the same over attempts, so the result is kept under it in $PAWL_EXAMPLE_DIR/effects, and the
# second time the kept result is the answer. link(2) makes sure that one of two wins.

: "${PAWL_EXAMPLE_DIR:?names the scratch directory of the examples}"
: "${PAWL_IDEMPOTENCY_KEY:?is set by pawl worker}"
effects=$PAWL_EXAMPLE_DIR/effects
mkdir -p "$effects"
input=$(cat)
exec 3>&1 # where an error goes from inside $(...)

# field PATH: one value of the input (JSON path without the leading "$."); empty where there is none.
field() {
  quoted=$(printf '%s' "$input" | sed "s/'/''/g")
  sqlite3 :memory: "SELECT json_extract('$quoted', '\$.$1');"
}

# name_field PATH: a value that becomes part of a path, so it must be a plain name.
name_field() {
  value=$(field "$1")
  case "$value" in
    "" | .* | *[!A-Za-z0-9._-]*) fail example.name "$1 must be a plain name, not '$value'" ;;
  esac
  printf '%s' "$value"
}

# fail TYPE MESSAGE: ends the step with an error that the workflow can catch.
fail() {
  printf '{"type": "%s", "message": "%s"}\n' "$1" "$(printf '%s' "$2" | tr -d '"\\\n')" >&3
  exit 1
}

# answer_if_done: ends the step with the kept result if an earlier attempt did the work.
answer_if_done() {
  if [ -f "$effects/$PAWL_IDEMPOTENCY_KEY" ]; then
    cat "$effects/$PAWL_IDEMPOTENCY_KEY"
    exit 0
  fi
}

# answer RESULT: keeps the result (JSON) under the key, with one line in the ledger, and prints it.
answer() {
  temporary=$effects/.$PAWL_IDEMPOTENCY_KEY.$$
  printf '%s\n' "$1" >"$temporary"
  if ln "$temporary" "$effects/$PAWL_IDEMPOTENCY_KEY" 2>/dev/null; then
    printf '%s\t%s\t%s\n' "$PAWL_IDEMPOTENCY_KEY" "$PAWL_RUN" "${0##*/}" >>"$PAWL_EXAMPLE_DIR/ledger.tsv"
  fi
  rm -f "$temporary"
  cat "$effects/$PAWL_IDEMPOTENCY_KEY"
}
