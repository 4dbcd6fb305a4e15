#!/usr/bin/env bash
# scripts/package/tree.sh OUT: the installed tree (bin/, share/headrace/) in OUT/tree, and the tar of it.
. scripts/lib.sh
out=$1 built=build/${HEADRACE_PRESET:-release}
version=$(sed -n 's/^project(headrace VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
name=headrace-$version-linux-x86_64
rm -rf "$out"
mkdir -p "$out/tree/bin/engines" "$out/tree/share/headrace"
echo "$version" >"$out/version"
cp "$built/headrace" "$built/headrace-host" "$out/tree/bin/"
# The examples' alone: a build with tests has engines that misbehave, and the language model's library is another package.
cp "$built"/engines/libecho*.so "$out/tree/bin/engines/"
strip "$out/tree/bin/headrace" "$out/tree/bin/headrace-host" "$out"/tree/bin/engines/*.so
# Of the sources only what is committed, so that no environment and no cache travels. The program looks
# for the Python kit in ../share/headrace/python.
git archive HEAD examples/engines LICENSE README.md CHANGELOG.md | tar -x -C "$out/tree/share/headrace"
# What others read: a board for Grafana, rules for Prometheus.
git archive HEAD:deploy grafana/headrace.json prometheus/alerts.yml | tar -x -C "$out/tree/share/headrace"
git archive HEAD:sdk/python/src | tar -x -C "$out/tree/share/headrace" --transform 's,^,python/,'
"$out/tree/bin/headrace" manual --dir "$out/tree/share/man"
mkdir -p "$out/tree/share/completion"
for shell in bash zsh fish; do
    "$out/tree/bin/headrace" completion "$shell" >"$out/tree/share/completion/headrace.$shell"
done
tar -C "$out" -czf "$out/$name.tar.gz" --transform "s,^tree,$name," tree
