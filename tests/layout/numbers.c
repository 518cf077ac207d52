/*
 * The numbers of layout.def, as text in an assembly listing: -S output holds one line for each,
 * `->size NAME bytes`, `->field NAME offset bytes`, `->at NAME offset`, `->value NAME low-32-bits`.
 * Nothing is run, so the same file serves the Windows target and ours.
 *
 * LAYOUT_KERNEL: mingw-w64's driver headers. LAYOUT_USER: its user-mode ones. Neither: src/nt.
 */
#if defined(LAYOUT_KERNEL)
#include <ntifs.h>
#include <usbdi.h>
#include <usbioctl.h>
#include <wmistr.h>
#include <wmilib.h>
#elif defined(LAYOUT_USER)
#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#include <winioctl.h>
#include <winternl.h>
#else
#include "nt/nt.h"
#endif

#define OUT1(text, a) __asm__ volatile(".ascii \"->" text " %c0\\n\"" : : "i"(a));
#define OUT2(text, a, b) __asm__ volatile(".ascii \"->" text " %c0 %c1\\n\"" : : "i"(a), "i"(b));
#define OFFSET(T, F) ((unsigned)__builtin_offsetof(T, F))

#define SIZE(T) OUT1("size " #T, (unsigned)sizeof(T))
#define FIELD(T, F) OUT2("field " #T "." #F, OFFSET(T, F), (unsigned)sizeof(((T *)0)->F))
#define AT(T, F) OUT1("at " #T "." #F, OFFSET(T, F))
#define VALUE(N) OUT1("value " #N, (unsigned)(N))

void numbers(void);
void numbers(void)
{
#include "layout.def"
}
