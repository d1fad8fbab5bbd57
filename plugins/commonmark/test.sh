#!/bin/sh
# Tries the program: test.sh PROGRAM
set -eu
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
mkdir -p src/docs out
tests=0

# same EXPECTED ACTUAL
same() {
  if [ "$1" != "$2" ]; then printf 'expected:\n%s\nbut it is:\n%s\n' "$1" "$2"; exit 1; fi
  tests=$((tests + 1))
}
# page TEXT [OPTION…]: the HTML of docs/a.md; what is found is in the file `told`
page() {
  printf "$1" > src/docs/a.md
  shift
  "$program" "$@" src docs/a.md out/a.html 2> told || return 1
  cat out/a.html
}

same '<h1>One &amp; two</h1>' "$(page '# One & two\n')"
same '' "$(page '')"

# Pages link to each other by what they become; to files that are there, and to other sites, as it is written.
touch src/index.md src/a.png 'src/docs/b c.md'
same '<p><a href="../index.html#top">i</a> <a href="b%20c.html">b</a> <img src="../a.png" alt="p" /> <a href="https://x.test/y.md">x</a></p>' \
  "$(page '[i](../index.md#top) [b](b%%20c.md) ![p](../a.png) [x](https://x.test/y.md)\n')"
same '' "$(cat told)"
page '[h](../index.html) [f](#f) [r](/r.md) [k](k.unknown) [m](mailto:a@b.test) [d](../docs/)\n' > out/html
same '' "$(cat told)"

page 'one\n\n- é ![i](no.png) and\n  [x](../../x.md)\n' > out/html
same 'docs/a.md:3:6: warning: the module has no file `no.png` [-Wnot-found]
docs/a.md:4:1: warning: this leads out of the module: `../../x.md` [-Woutside]' "$(cat told | sed 's/:4:[0-9]*:/:4:1:/')"

page 'é [a][b], `f[0][1]` and [b c][g]\n\n[g]: #g\n' > out/html
same 'docs/a.md:1:4: warning: no link is defined for `b` [-Wundefined-reference]' "$(cat told)"
page '[c][] here\n' > out/html
same 'docs/a.md:1:1: warning: no link is defined for `c` [-Wundefined-reference]' "$(cat told)"
page '\\[d\\]\\[e\\] and `f[0][1]`\n' > out/html
same '' "$(cat told)"

# What can run programs is left out, unless that is wanted.
harm='<script>x</script>\n\na <b>b</b> <!-- c --> [j](javascript:x)\n'
same '<!-- raw HTML omitted -->
<p>a <!-- raw HTML omitted -->b<!-- raw HTML omitted --> <!-- raw HTML omitted --> <a href="">j</a></p>' "$(page "$harm")"
same 'docs/a.md:1:1: warning: raw HTML is left out, unless the option `unsafe` is true [-Wraw-html]
docs/a.md:3:3: warning: raw HTML is left out, unless the option `unsafe` is true [-Wraw-html]
docs/a.md:3:23: warning: this URL can run programs and is left out: `javascript:x` [-Wdangerous-url]' "$(cat told)"
same '<script>x</script>
<p>a <b>b</b> <!-- c --> <a href="javascript:x">j</a></p>' "$(page "$harm" --unsafe=true)"
same '' "$(cat told)"

same '<p>“a” –<br />
b</p>' "$(page '"a" --\nb\n' --smart=true --hard-breaks=true --unsafe=false)"

# Not more warnings than somebody would read.
awk 'BEGIN { for (i = 0; i < 5000; i++) print "[a](no.md)" }' > src/docs/a.md
"$program" src docs/a.md out/a.html 2> told
same 100 "$(wc -l < told | tr -d ' ')"
same 'docs/a.md:100:1: warning: from here on warnings are not shown [-Wmore]' "$(tail -n 1 told)"

# Mistakes.
if page 'one\nab\377\n' > out/html; then echo 'what is no text was taken'; exit 1; fi
same 'docs/a.md:2:3: error: the file is not UTF-8 [-Wnot-utf-8]' "$(cat told)"
for bytes in '\300\200' '\355\240\200' '\364\220\200\200' '\342\202' '\200'; do
  if page "$bytes" > out/html; then echo "$bytes was taken"; exit 1; fi
  tests=$((tests + 1))
done
if page 'a' --smart=maybe; then echo 'a wrong value was taken'; exit 1; fi
same 'error: the option `smart` is true or false, not "maybe"' "$(cat told)"
if page 'a' --clever=true; then echo 'a wrong option was taken'; exit 1; fi
same 'error: there is no option `clever`: there are hard-breaks, smart, unsafe' "$(cat told)"

# What grows with the square of its length, or with the stack, in other programs.
for open in '[' '>' '![](' '*a_ ' '`' '<' '[a](' '- '; do
  awk -v open="$open" 'BEGIN { for (i = 0; i < 30000; i++) printf "%s", open }' > src/docs/a.md
  "$program" src docs/a.md out/a.html 2> told
  tests=$((tests + 1))
done
echo "$tests passed, 0 failed"
