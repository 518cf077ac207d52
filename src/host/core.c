/*
 * --keep-core: an image of a machine that had to be ended, written by the supervisor through /proc,
 * because the machine itself may write nowhere and can no longer be trusted. The image is an ELF
 * core file with the pages that exist (untouched and guard pages are left out), so gdb and objdump
 * read it; a text beside it says why it was kept, which modules lay where, and what the memory map
 * was.
 */
#include "host/host_priv.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS_MAX = 60000, PAGES_AT_ONCE = 4096 };
/* Reserved ranges are far larger than what is in them; looking at each page of one has to end. */
#define MAPPING_MAX (4ull << 30)
#define CORE_MAX (2ull << 30)

/* Pages that are there, in one piece. */
struct run {
    uint64_t start, end;
    uint32_t flags; /* PF_R... */
};

struct image {
    struct run *runs;
    size_t count, capacity;
    uint64_t bytes;
};

static int open_of(pid_t pid, const char *what)
{
    char path[64];

    pp_fmt(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void host_core_open(struct host_core *c, pid_t pid)
{
    c->pid = pid;
    c->mem = open_of(pid, "mem");
    c->maps = open_of(pid, "maps");
    c->pagemap = open_of(pid, "pagemap");
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* only read */
    *fd = -1;
}

void host_core_close(struct host_core *c)
{
    close_one(&c->mem);
    close_one(&c->maps);
    close_one(&c->pagemap);
}

/* ---- Which pages there are ---- */

static bool add_page(struct image *im, uint64_t at, uint32_t flags)
{
    struct run *last = im->count ? &im->runs[im->count - 1] : NULL;

    if (im->bytes >= CORE_MAX)
        return false;
    im->bytes += PP_PAGE_SIZE;
    if (last && last->end == at && last->flags == flags) {
        last->end += PP_PAGE_SIZE;
        return true;
    }
    if (im->count == im->capacity) {
        size_t more = im->capacity ? im->capacity * 2 : 256;
        struct run *runs = more > RUNS_MAX ? NULL : pp_resize(im->runs, more * sizeof *runs);

        if (!runs)
            return false;
        im->runs = runs;
        im->capacity = more;
    }
    im->runs[im->count++] = (struct run){at, at + PP_PAGE_SIZE, flags};
    return true;
}

/* Doc: Linux, Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bit 62 swapped; 58 a guard.
 */
static bool add_mapping(const struct host_core *c, struct image *im, uint64_t start, uint64_t end,
                        uint32_t flags)
{
    static uint64_t entries[PAGES_AT_ONCE];

    end = PP_MIN(end, start + MAPPING_MAX);
    while (start < end) {
        size_t want = PP_MIN((size_t)((end - start) / PP_PAGE_SIZE), (size_t)PAGES_AT_ONCE);
        ssize_t n = pread(c->pagemap, entries, want * 8, (off_t)(start / PP_PAGE_SIZE * 8));

        if (n < 8)
            return true; /* not a mapping with pages (vsyscall) */
        for (size_t i = 0; i < (size_t)n / 8; i++) {
            if ((entries[i] >> 62) && !((entries[i] >> 58) & 1) &&
                !add_page(im, start + i * PP_PAGE_SIZE, flags))
                return false;
        }
        start += (uint64_t)n / 8 * PP_PAGE_SIZE;
    }
    return true;
}

static FILE *maps_stream(const struct host_core *c)
{
    int fd = lseek(c->maps, 0, SEEK_SET) < 0 ? -1 : dup(c->maps);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

    if (!f && fd >= 0)
        (void)close(fd); /* only read */
    return f;
}

static int find_pages(const struct host_core *c, struct image *im)
{
    FILE *maps = maps_stream(c);
    char line[512];

    if (!maps)
        return -errno;
    while (fgets(line, sizeof line, maps)) {
        unsigned long long start, end;
        char prot[8];

        if (sscanf(line, "%llx-%llx %7s", &start, &end, prot) != 3 || prot[0] != 'r')
            continue;
        if (!add_mapping(c, im, start, end,
                         PF_R | (prot[1] == 'w' ? PF_W : 0u) | (prot[2] == 'x' ? PF_X : 0u)))
            break;
    }
    (void)fclose(maps); /* only read */
    return 0;
}

/* ---- Registers ---- */

static bool read_registers(pid_t pid, elf_gregset_t *ret)
{
    struct iovec io = {ret, sizeof *ret};
    bool ok = false;
    int status;

    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
        return false;
    if (!ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) && waitpid(pid, &status, __WALL) == pid &&
        WIFSTOPPED(status))
        ok = !ptrace(PTRACE_GETREGSET, pid, (void *)(uintptr_t)NT_PRSTATUS, &io);
    (void)ptrace(PTRACE_DETACH, pid, NULL, NULL); /* it may have been killed meanwhile */
    return ok;
}

uint64_t host_core_rip(pid_t pid)
{
    elf_gregset_t regs;

    memset(&regs, 0, sizeof regs);
    return read_registers(pid, &regs) ? ((const struct user_regs_struct *)(void *)&regs)->rip : 0;
}

/* ---- The files ---- */

static bool put(FILE *out, const void *p, size_t size)
{
    return fwrite(p, 1, size, out) == size;
}

struct note {
    Elf64_Nhdr head;
    char name[8]; /* "CORE", padded */
    struct elf_prstatus status;
} __attribute__((packed)); /* the description follows the name at the next multiple of four */

static bool write_headers(const struct image *im, const struct note *note, FILE *out)
{
    Elf64_Ehdr e = {.e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT};
    Elf64_Phdr p = {.p_type = PT_NOTE, .p_filesz = sizeof *note, .p_align = 4};
    uint64_t at;
    bool ok;

    memcpy(e.e_ident, ELFMAG, SELFMAG);
    e.e_ident[EI_CLASS] = ELFCLASS64;
    e.e_ident[EI_DATA] = ELFDATA2LSB;
    e.e_ident[EI_VERSION] = EV_CURRENT;
    e.e_phoff = e.e_ehsize = sizeof e;
    e.e_phentsize = sizeof p;
    e.e_phnum = (Elf64_Half)(im->count + 1);
    p.p_offset = sizeof e + (im->count + 1) * sizeof p;
    at = pp_align_up(p.p_offset + sizeof *note, PP_PAGE_SIZE);
    ok = put(out, &e, sizeof e) && put(out, &p, sizeof p);
    for (size_t i = 0; ok && i < im->count; i++) {
        const struct run *r = &im->runs[i];

        p = (Elf64_Phdr){
            .p_type = PT_LOAD, .p_flags = r->flags, .p_offset = at, .p_vaddr = r->start};
        p.p_filesz = p.p_memsz = r->end - r->start;
        p.p_align = PP_PAGE_SIZE;
        at += p.p_filesz;
        ok = put(out, &p, sizeof p);
    }
    return ok && put(out, note, sizeof *note);
}

static bool write_pages(const struct host_core *c, const struct image *im, FILE *out)
{
    static uint8_t page[PP_PAGE_SIZE];
    long here = ftell(out);

    if (here < 0 || fseek(out, (long)pp_align_up((uint64_t)here, PP_PAGE_SIZE), SEEK_SET))
        return false;
    for (size_t i = 0; i < im->count; i++) {
        for (uint64_t at = im->runs[i].start; at < im->runs[i].end; at += PP_PAGE_SIZE) {
            if (pread(c->mem, page, sizeof page, (off_t)at) != (ssize_t)sizeof page)
                memset(page, 0, sizeof page); /* gone inaccessible: a zero page holds its place */
            if (!put(out, page, sizeof page))
                return false;
        }
    }
    return true;
}

static int write_core(const struct host_core *c, const char *path)
{
    static struct note note;
    struct image im = {0};
    elf_gregset_t regs;
    FILE *out = fopen(path, "we");
    int err = out ? find_pages(c, &im) : -errno;

    memset(&note, 0, sizeof note);
    note.head = (Elf64_Nhdr){.n_namesz = 5, .n_descsz = sizeof note.status, .n_type = NT_PRSTATUS};
    memcpy(note.name, "CORE", 5);
    note.status.pr_pid = c->pid;
    if (read_registers(c->pid, &regs)) /* else the memory is worth keeping alone */
        memcpy(&note.status.pr_reg, &regs, sizeof regs);
    if (!err && !(write_headers(&im, &note, out) && write_pages(c, &im, out)))
        err = errno ? -errno : -EIO;
    if (out && fclose(out) && !err)
        err = -errno;
    pp_free(im.runs);
    return err;
}

static int write_text(const struct host_core *c, const struct host_verdict *v, const char *why,
                      const char *path)
{
    FILE *out = fopen(path, "we"), *maps;
    char line[512];

    if (!out)
        return -errno;
    fprintf(out, "machine of %s, kept during: %s\n\nmodules:\n", v->o->driver, why);
    for (unsigned i = 0; i < v->module_count; i++)
        fprintf(out, "  %012llx-%012llx %s\n", (unsigned long long)v->modules[i].base,
                (unsigned long long)(v->modules[i].base + v->modules[i].size), v->modules[i].name);
    if (v->finding_count) {
        const struct vf_finding *f = &v->findings[v->finding_count - 1].f;
        const struct vf_rule_info *r = vf_rule_info((enum vf_rule)f->rule);

        fprintf(out, "\nlast finding: 0x%02X %s [%s] at 0x%llx\n  stack:", r->code, r->name, r->id,
                (unsigned long long)f->pc);
        for (uint32_t i = 0; i < f->stack.count; i++)
            fprintf(out, " 0x%llx", (unsigned long long)f->stack.pc[i]);
        fputc('\n', out);
    }
    fputs("\nmemory map:\n", out);
    maps = maps_stream(c);
    while (maps && fgets(line, sizeof line, maps))
        fputs(line, out);
    if (maps)
        (void)fclose(maps); /* only read */
    return fclose(out) ? -errno : 0;
}

int host_core_write(struct host_core *c, const struct host_verdict *v, const char *why)
{
    const char *slash = strrchr(v->o->driver, '/');
    char base[4096], path[4120];
    int err;

    if (c->mem < 0 || c->maps < 0 || c->pagemap < 0)
        return -EACCES;
    if (mkdir(v->o->keep_core, 0777) && errno != EEXIST)
        return -errno;
    pp_fmt(base, sizeof base, "%s/%s.%u", v->o->keep_core, slash ? slash + 1 : v->o->driver,
           ++c->written);
    pp_fmt(path, sizeof path, "%s.txt", base);
    err = write_text(c, v, why, path);
    pp_fmt(path, sizeof path, "%s.core", base);
    return err ? err : write_core(c, path);
}
