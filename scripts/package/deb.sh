#!/usr/bin/env bash
# scripts/package/deb.sh OUT: OUT/headrace_VERSION_amd64.deb from OUT/tree and deploy/.
. scripts/lib.sh
out=$(readlink -f "$1")
version=$(cat "$out/version")
root=$out/deb
rm -rf "$root"
install -d "$root/usr/lib" "$root/usr/bin" "$root/etc/headrace/engines" "$root/DEBIAN"
# One folder that finds its parts beside itself; the name on PATH is a link into it.
cp -r "$out/tree" "$root/usr/lib/headrace"
rm -rf "$root/usr/lib/headrace/share/man" "$root/usr/lib/headrace/share/completion"
ln -s ../lib/headrace/bin/headrace "$root/usr/bin/headrace"
# Not the program's to find but people's: where a system keeps such files.
install -d "$root/usr/share/headrace"
mv "$root/usr/lib/headrace/share/headrace/grafana" "$root/usr/lib/headrace/share/headrace/prometheus" "$root/usr/share/headrace/"
install -D -m 0644 deploy/headrace.toml "$root/etc/headrace/headrace.toml"
install -D -m 0644 deploy/systemd/headrace.service "$root/usr/lib/systemd/system/headrace.service"
install -D -m 0644 deploy/systemd/headrace.sysusers "$root/usr/lib/sysusers.d/headrace.conf"
for page in "$out"/tree/share/man/*; do
    install -D -m 0644 "$page" "$root/usr/share/man/man${page##*.}/$(basename "$page")"
done
gzip -9n "$root"/usr/share/man/man*/*
completion=$out/tree/share/completion
install -D -m 0644 "$completion/headrace.bash" "$root/usr/share/bash-completion/completions/headrace"
install -D -m 0644 "$completion/headrace.zsh" "$root/usr/share/zsh/vendor-completions/_headrace"
install -D -m 0644 "$completion/headrace.fish" "$root/usr/share/fish/vendor_completions.d/headrace.fish"
install -D -m 0644 LICENSE "$root/usr/share/doc/headrace/copyright"
for script in postinst prerm postrm; do install -m 0755 "deploy/deb/$script" "$root/DEBIAN/$script"; done
echo /etc/headrace/headrace.toml >"$root/DEBIAN/conffiles"

# What the programs link, by the package that holds it.
mkdir -p "$out/shlibs/debian"
printf 'Source: headrace\n\nPackage: headrace\nArchitecture: amd64\n' >"$out/shlibs/debian/control"
depends=$(cd "$out/shlibs" && dpkg-shlibdeps -O "$root/usr/lib/headrace/bin/headrace" "$root/usr/lib/headrace/bin/headrace-host" |
    sed -n 's/^shlibs:Depends=//p')
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$size/" -e "s/@DEPENDS@/$depends/" deploy/deb/control.in >"$root/DEBIAN/control"
chmod -R u+rwX,go+rX,go-w "$root"
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/headrace_${version}_amd64.deb"
