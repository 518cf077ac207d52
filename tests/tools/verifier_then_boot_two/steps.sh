# One of two drivers is verified: the other breaks no rule of the verifier.
verifier /standard /driver clean.sys >/dev/null
poolproof boot drivers/clean.sys drivers/leak.sys leak.lua </dev/null
verifier /standard /driver leak.sys >/dev/null
poolproof boot drivers/clean.sys drivers/leak.sys leak.lua </dev/null | sed -n '/^poolproof/p; /Reproduce/p; /^  settings/p; s/^\(  pool.*\) (.*/\1/p'
