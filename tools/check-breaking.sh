#!/usr/bin/env bash
# Fails when a proto has changed in a way that an older service would misread (buf.yaml: WIRE_JSON).
#
# Older means: where this branch left main; on main itself, the commit before. BREAKING_AGAINST names
# another commit. Without such a commit, or without protos in it, there is nothing to break.
set -euo pipefail
cd "$(dirname "$0")/.."

against() {
	local head main base
	head=$(git rev-parse --verify --quiet HEAD) || return 1
	for main in origin/main main; do
		base=$(git merge-base HEAD "$main" 2>/dev/null) || continue
		[[ $base == "$head" ]] && continue
		echo "$base"
		return
	done
	# On main. What is not committed yet is compared with the commit before it, which is HEAD.
	if [[ -n $(git status --porcelain -- proto) ]]; then
		echo "$head"
	else
		git rev-parse --verify --quiet HEAD~1
	fi
}

if [[ -n ${BREAKING_AGAINST:-} ]]; then
	commit=$(git rev-parse --verify "$BREAKING_AGAINST^{commit}") # a mistyped name is an error
elif ! commit=$(against); then
	echo "SKIPPED: buf breaking: no earlier commit to compare with"
	exit
fi
if ! git ls-tree -r --name-only "$commit" -- proto | grep '\.proto$' >/dev/null; then
	echo "SKIPPED: buf breaking: no protos in ${commit:0:12}"
	exit
fi
# A plain folder, not buf's own reading of .git: that wants a branch, and .git to be a folder.
old=.cache/breaking
rm -rf "$old"
mkdir -p "$old"
git archive "$commit" -- proto | tar -x -C "$old"
cp buf.yaml "$old"
bin/buf breaking --against "$old"
