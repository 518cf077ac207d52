/* Style and script of the HTML report, as they are in their files. */
#define EMBED(name, file)                                                                          \
    .globl name;                                                                                   \
    .globl name##_end;                                                                             \
    .hidden name;                                                                                  \
    .hidden name##_end;                                                                            \
    name:                                                                                          \
    .incbin file;                                                                                  \
    name##_end:

    .section .rodata
EMBED(pooltag_css, "tools/pooltag.css")
EMBED(pooltag_js, "tools/pooltag.js")
    .section .note.GNU-stack, "", @progbits
