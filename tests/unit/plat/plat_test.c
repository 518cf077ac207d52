/* Fixed mappings, traps, fibers. Each test runs in a process of its own. */
#include "plat/plat.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT 0x4A5000000000ull

Test(plat, a_mapping_lies_where_it_was_asked_and_replaces_nothing)
{
    cr_assert_eq(os_map(AT, 0x2000, OS_READ | OS_WRITE), 0);
    ((volatile char *)AT)[0x1FFF] = 5;
    cr_assert_eq(os_map(AT + 0x1000, 0x1000, OS_READ), -EEXIST);
    cr_assert_eq(((volatile char *)AT)[0x1FFF], 5);
}

Test(plat, peek_stops_at_the_first_unreadable_page)
{
    char buf[0x2000];

    cr_assert_eq(os_map(AT, 0x2000, OS_READ | OS_WRITE), 0);
    memset((void *)AT, 7, 0x2000);
    cr_assert_eq(os_protect(AT + 0x1000, 0x1000, OS_NONE), 0);
    cr_assert_eq(os_peek(AT + 0xF00, buf, 0x200), 0x100u);
    cr_assert_eq(buf[0xFF], 7);
    cr_assert_eq(os_peek(AT + 0x1000, buf, 16), 0u);
}

Test(plat, one_object_is_seen_at_two_places)
{
    int fd;

    cr_assert_eq(os_shared_new(0x1000, &fd), 0);
    cr_assert_eq(os_shared_map(fd, 0, AT, 0x1000, OS_READ | OS_WRITE), 0);
    cr_assert_eq(os_shared_map(fd, 0, AT + 0x10000, 0x1000, OS_READ), 0);
    *(volatile int *)(AT + 8) = 77;
    cr_assert_eq(*(volatile int *)(AT + 0x10008), 77);
}

static struct os_trap seen;
static int traps;

static bool open_page(struct os_regs *r, const struct os_trap *t)
{
    (void)r;
    seen = *t;
    traps++;
    return t->kind == OS_TRAP_PAGE &&
           !os_protect(pp_align_down(t->addr, PP_PAGE_SIZE), PP_PAGE_SIZE, OS_READ | OS_WRITE);
}

Test(plat, a_page_fault_carries_its_exact_address_and_can_be_retried)
{
    cr_assert_eq(os_map(AT, 0x1000, OS_NONE), 0);
    cr_assert_eq(os_trap_install(open_page), 0);
    *(volatile char *)(AT + 0x123) = 1;
    cr_assert_eq(traps, 1);
    cr_assert_eq(seen.addr, AT + 0x123);
    cr_assert(seen.is_write);
}

static bool skip_int3(struct os_regs *r, const struct os_trap *t)
{
    traps++;
    r->gpr[OS_RBX] = 0x1234;
    return t->kind == OS_TRAP_BREAK;
}

Test(plat, registers_changed_by_the_handler_reach_the_code)
{
    uint64_t v = 1;

    cr_assert_eq(os_trap_install(skip_int3), 0);
    __asm__ volatile("int3" : "+b"(v));
    cr_assert_eq(v, 0x1234u);
}

Test(plat, a_trap_that_nobody_takes_ends_the_process, .signal = SIGSEGV)
{
    cr_assert_eq(os_trap_install(skip_int3), 0);
    *(volatile char *)AT = 1;
}

static struct os_fiber main_fiber, other;
static char trace[16];

static void other_main(void *arg)
{
    for (;;) {
        strcat(trace, arg);
        os_fiber_switch(&other, &main_fiber);
    }
}

Test(plat, fibers_take_turns_and_keep_their_registers)
{
    static char stack[65536] __attribute__((aligned(64)));
    volatile double d = 1.5;

    os_fiber_adopt(&main_fiber);
    os_fiber_init(&other, (uint64_t)(uintptr_t)stack, (uint64_t)(uintptr_t)stack + sizeof stack, other_main, "b");
    for (int i = 0; i < 3; i++) {
        strcat(trace, "a");
        os_fiber_switch(&main_fiber, &other);
        d *= 2;
    }
    cr_assert_str_eq(trace, "ababab");
    cr_assert_eq(d, 12.0);
}

/* In a child: Criterion itself needs calls that containment takes away. Returns the wait status. */
static int contained(void (*fn)(void))
{
    struct os_contain_result r;
    int status;
    pid_t pid = fork();

    if (!pid) {
        if (os_contain(NULL, 0, false, &r))
            _exit(2);
        fn();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void use_memory(void)
{
    if (os_map(AT, 0x1000, OS_READ | OS_WRITE) || os_protect(AT, 0x1000, OS_READ) || !os_clock_ns())
        _exit(1);
}

static void open_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0); /* does not return */
}

Test(plat, containment_leaves_the_calls_that_a_machine_needs)
{
    int status = contained(use_memory);

    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
}

Test(plat, any_other_call_ends_the_contained_process)
{
    int status = contained(open_socket);

    cr_assert(WIFSIGNALED(status));
    cr_assert_eq(WTERMSIG(status), SIGSYS);
}
