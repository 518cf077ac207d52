/* What a driver kit's support library brings: the /GS cookie with its check, and the load configuration
 * that names the cookie to the loader. */
typedef unsigned long long U64;

U64 __security_cookie = 0x00002B992DDFA232ull;

__declspec(dllimport) __declspec(noreturn) void KeBugCheckEx(unsigned long code, U64 p1, U64 p2, U64 p3, U64 p4);

__declspec(noreturn) void __report_gsfailure(U64 cookie);
__declspec(noreturn) void __report_gsfailure(U64 cookie)
{
    KeBugCheckEx(0xF7, cookie, __security_cookie, ~__security_cookie, 0);
}

/* rcx holds the cookie of the frame, already mixed with rsp and back; nothing else may change. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl __security_check_cookie\n"
        ".def __security_check_cookie; .scl 2; .type 32; .endef\n"
        "__security_check_cookie:\n"
        "  cmpq __security_cookie(%rip), %rcx\n"
        "  jne 1f\n"
        "  ret\n"
        "1: jmp __report_gsfailure\n");

/* IMAGE_LOAD_CONFIG_DIRECTORY64 up to its guard flags. Doc: PE Format, "The Load Configuration Structure". */
struct load_config {
    unsigned size, timestamp;
    unsigned short major, minor;
    unsigned flags_clear, flags_set, section_timeout;
    U64 heap[6];
    unsigned heap_flags;
    unsigned short service_pack, load_flags;
    U64 edit_list;
    U64 *cookie;
    U64 handlers[2];
    U64 guard[4];
    unsigned guard_flags, pad;
};

const struct load_config _load_config_used = {.size = sizeof(struct load_config),
                                              .cookie = &__security_cookie};

/* The MSVC intrinsics behind KeRaiseIrql and KeLowerIrql, which clang does not know. */
__asm__(".globl __readcr8\n"
        ".def __readcr8; .scl 2; .type 32; .endef\n"
        "__readcr8:\n"
        "  movq %cr8, %rax\n"
        "  ret\n"
        ".globl __writecr8\n"
        ".def __writecr8; .scl 2; .type 32; .endef\n"
        "__writecr8:\n"
        "  movq %rcx, %cr8\n"
        "  ret\n");
