#!/usr/bin/env bash
# The reader's terminal; terminal.py says how it is spoken to. Each command is sourced, so that
# variables, folders and jobs live on from one to the next.
set -o pipefail
report=$1

# The targets have checks of their own, and `make test` is running already: say what would be done.
make() {
    local tree=$FLAWLESS_TREE
    [[ ! -f Makefile ]] || tree=.
    command make --dry-run -C "$tree" "$@"
}

# A reader clones what is published; the page should fit the tree it stands in.
git() {
    [[ $1 == clone ]] || { command git "$@"; return; }
    local folder=${3:-$(basename "$2" .git)}
    mkdir "$folder"
    tar -C "$FLAWLESS_TREE" --exclude='./.*' --exclude=./target -cf - . | tar -xf - -C "$folder"
}

while read -r code _; do
    source "$code" </dev/null
    status=$? job=$!
    echo "$status ${job:-0}" >"$report"
done

jobs=$(jobs -p)
[[ -z $jobs ]] || kill $jobs 2>/dev/null
wait
