#!/usr/bin/env bash
# ./dev console [--watch | --check]: builds the console's pages into build/console/dist, which the program embeds.
# Does nothing when the sources are those of the last build. The program also builds without it.
#   --watch  serves the pages from their sources, reloading as they change, in front of a running server:
#            HEADRACE_CONTROL_URL names its control door (http://127.0.0.1:8601)
#   --check  types, lint and unit tests
. scripts/lib.sh
help_if_asked "$0" "${1:-}"

sources_of_console() {
    find console -name node_modules -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
        sha256sum | cut -c1-32
}

build_console() {
    local stamp
    stamp=$(sources_of_console)
    if [ -f build/console/dist/index.html ] && [ "$(cat build/console/.stamp 2>/dev/null || true)" = "$stamp" ]; then
        echo "build/console/dist is up to date"
        return 0
    fi
    ensure_console_packages
    (cd console && npm run --silent build)
    echo "$stamp" >build/console/.stamp
}

check_console() {
    ensure_console_packages
    cd console
    npm run --silent check
    npm run --silent lint
    npm run --silent test
}

case "${1:-}" in
    '') build_console ;;
    --check) check_console ;;
    --watch) ensure_console_packages; cd console; exec npm run --silent dev ;;
    *) die "console: no option $1; see ./dev console --help" ;;
esac
