# Every dependency, once, with what it is for. The core (base to kernel) needs only libc, libseccomp and Zydis.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# Zydis: decodes x86 instructions (trap emulation, coverage, `poolproof info`).
find_library(ZYDIS_LIBRARY Zydis REQUIRED)
# libseccomp: the system-call filter around the machine.
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
# Lua 5.4: scenarios.
pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.4)
# newt: the dialog of gflags, as a terminal screen.
pkg_check_modules(NEWT REQUIRED IMPORTED_TARGET libnewt)
# jansson: --json output.
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
# ncurses: the screens of poolmon and pooltag.
pkg_check_modules(NCURSES REQUIRED IMPORTED_TARGET ncurses)
