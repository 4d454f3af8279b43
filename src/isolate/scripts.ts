/*
 * The git that isolate needs, as shell scripts: several gits for the price of starting one process from a large parent.
 * They run with our git directory, our index, and the user's object store (`GIT_OBJECT_DIRECTORY`).
 */

/** Our refs need no reflog, also where the user's config says "always". */
const SET_REF = `
set_ref() { git --git-dir="$repo" -c core.logAllRefUpdates=false update-ref --no-deref "$@"; }
`

/**
 * Moves a change's ref to where work starts: mostly there is none yet, and so it is made first, which fails where there is.
 * What the ref held and the start does not contain is kept for rescue.
 */
const KEEP_AND_MOVE = `
${SET_REF}if ! set_ref "$ref" "$start" "" 2>/dev/null; then
old=$(git --git-dir="$repo" rev-parse --verify --quiet "$ref^{commit}" || :)
if [ -n "$old" ] && [ "$old" != "$start" ] && ! git merge-base --is-ancestor "$old" "$start"; then
  prev=$(git --git-dir="$repo" rev-parse --verify --quiet "$rescue^{commit}" || :)
  if [ -z "$prev" ]; then keep=$old
  elif git merge-base --is-ancestor "$old" "$prev"; then keep=$prev
  else keep=$(git commit-tree "$old^{tree}" -p "$old" -p "$prev" -m "Kept by Flyball: an attempt that was given up")
  fi
  [ "$keep" = "$prev" ] || set_ref "$rescue" "$keep"
fi
[ "$old" = "$start" ] || set_ref "$ref" "$start"
fi
`

/** `repo ref rescue start patterns…` → what of the patterns is in the tree, if there are any, as `ls-files --stage -z`. */
export const POPULATE = `
repo=$1 ref=$2 rescue=$3 start=$4; shift 4
${KEEP_AND_MOVE}
git read-tree --reset -u "$start"
[ $# -eq 0 ] || git ls-files -z --stage -- "$@"
`

/** `commit patterns…` → its tree, the kilobytes of it all, then what of the patterns is in it, as `ls-files --stage -z`. */
export const WARM = `
commit=$1; shift
git read-tree --reset -u "$commit"
git rev-parse "$commit^{tree}"
du -sk .
git ls-files -z --stage -- "$@"
`

/** From a folder that holds the tree `held`, untouched: to `tree` by their difference; says so where a pattern is in it. */
const MOVE_ON = `
move_on() {
  held=$1 tree=$2; shift 2
  git read-tree -m -u "$held" "$tree"
  if git diff-tree -r --quiet "$held" "$tree" -- "$@"; then echo same; else
    echo listed
    git ls-files -z --stage -- "$@"
  fi
}
`

/** `repo ref rescue start held heldTree patterns…`, in a folder that holds `held` → nothing, or what changed on the way. */
export const MOVE_IN = `
repo=$1 ref=$2 rescue=$3 start=$4 commit=$5 held=$6; shift 6
${KEEP_AND_MOVE}${MOVE_ON}
[ "$commit" = "$start" ] || move_on "$held" "$(git rev-parse "$start^{tree}")" "$@"
`

/** `repo held tree` → what differs, as `diff-tree -r -z`. */
export const DIFFERING = `
git --git-dir="$1" diff-tree -r -z --no-renames --no-abbrev --no-ext-diff "$2" "$3"
`

/** `list`, with an index that is not there yet → it holds what is listed as `mode oid<TAB>path`, and the folder its files. */
export const PUT_SOME = `
git update-index -z --index-info <"$1"
git checkout-index -q -f -u -a
`

/** `repo ref` → the index's tree, the ref's commit and its tree. */
export const STANDING = `
git write-tree
git --git-dir="$1" rev-parse "$2^{commit}" "$2^{tree}"
`

/**
 * Pipes, sockets and devices are no part of any change; and git opens some files by their name (`.gitattributes`, a nested
 * `.git/HEAD`), which in a pipe's case waits for ever.
 */
const CLEAR_SPECIAL = `
find . '(' -type p -o -type s -o -type b -o -type c ')' -exec rm -f '{}' + 2>/dev/null || :
`

/** `into converts` → in `into` the paths that differ from the index; where files are converted, those of `diff-files` too. */
export const LIST = `
${CLEAR_SPECIAL}git ls-files -z --modified --deleted --others --exclude-standard >"$1"
[ -z "$2" ] || git diff-files -z --raw --no-renames --ignore-submodules >"$1.raw"
`

/** What of the index goes, and what comes in: paths in files, since a path may hold any byte. */
const TAKE_IN = `
[ ! -s "$forgotten" ] || git update-index -z --force-remove --stdin <"$forgotten"
[ ! -s "$changed" ] || git update-index -z --add --remove --replace --stdin <"$changed"
tree=$(git write-tree)
`

/** `repo ref start message changed forgotten` → tree; then, where it is another than before, commit and changed paths. */
export const RECORD = `
repo=$1 ref=$2 start=$3 message=$4 changed=$5 forgotten=$6
${SET_REF}${TAKE_IN}stands=$(git --git-dir="$repo" rev-parse "$ref^{commit}" "$ref^{tree}" 2>/dev/null) ||
  stands=$(git rev-parse "$start^{commit}" "$start^{tree}")
set -- $stands
parent=$1
echo "$tree"
echo "$parent"
[ "$tree" != "$2" ] || exit 0
commit=$(git commit-tree "$tree" -p "$parent" -m "$message")
echo "$commit"
set_ref "$ref" "$commit"
git diff-tree -r --name-only "$parent" "$commit"
`

/** `repo ref rescue start message changed forgotten` → the commit that keeps them; nothing where there was nothing to keep. */
export const RESCUE = `
repo=$1 ref=$2 rescue=$3 start=$4 message=$5 changed=$6 forgotten=$7
${SET_REF}${TAKE_IN}parent=$(git --git-dir="$repo" rev-parse --verify --quiet "$ref^{commit}" || echo "$start")
[ "$tree" != "$(git rev-parse --verify "$parent^{tree}")" ] || exit 0
prev=$(git --git-dir="$repo" rev-parse --verify --quiet "$rescue^{commit}" || :)
[ -z "$prev" ] || [ "$tree" != "$(git rev-parse --verify "$prev^{tree}")" ] || exit 0
commit=$(git commit-tree "$tree" -p "$parent" \${prev:+-p "$prev"} -m "$message")
set_ref "$rescue" "$commit"
echo "$commit"
`

/**
 * `repo treeish held tree commit patterns…`, in an empty folder or one that holds the tree `held` → tree, commit or nothing,
 * and the files. Where the caller does not know the tree and whether there is a commit, git is asked.
 */
export const CHECK_OUT = `
repo=$1 treeish=$2 held=$3 tree=$4 commit=$5; shift 5
${MOVE_ON}
if [ -n "$tree" ]; then printf '%s found\\n%s %s\\n' "$tree" "$commit" "\${commit:+found}"; else
  printf '%s^{tree}\\n%s^{commit}\\n' "$treeish" "$treeish" |
  git --git-dir="$repo" cat-file --batch-check='%(objectname) found'
fi | {
  read -r tree is
  [ "$is" = found ] || { echo "there is no tree $treeish" >&2; exit 1; }
  read -r commit is
  [ "$is" = found ] || commit=
  echo "$tree"
  echo "$commit"
  if [ "$held" = "$tree" ]; then echo same
  elif [ -n "$held" ]; then move_on "$held" "$tree" "$@"
  else
    git read-tree --reset -u "$tree"
    echo listed
    git ls-files -z --stage -- "$@"
  fi
}
`
