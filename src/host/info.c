/*
 * `poolproof info`: what an image needs and offers, read without running any of it. One section for
 * each question a developer has before the first run: which imports will stop it, what it can be
 * asked, what in its code assumes a real machine, and whether it can run here.
 */
#include "host/host_priv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Frameworks between a driver and the kernel: nothing of such a driver works without them. */
static const struct {
    const char *module, *what;
} frameworks[] = {
    {"wdfldr.sys", "the Kernel-Mode Driver Framework (KMDF)"},
    {"ndis.sys", "NDIS"},
    {"netio.sys", "the network I/O subsystem"},
    {"fwpkclnt.sys", "the Windows Filtering Platform"},
    {"fltmgr.sys", "the filter manager"},
    {"storport.sys", "Storport"},
    {"scsiport.sys", "SCSI port"},
    {"ks.sys", "kernel streaming"},
    {"portcls.sys", "PortCls"},
    {"stream.sys", "the stream class driver"},
    {"videoprt.sys", "the video port driver"},
    {"dxgkrnl.sys", "the DirectX graphics kernel"},
    {"tdi.sys", "TDI"},
    {"win32k.sys", "win32k"},
    {"hidclass.sys", "the HID class driver"},
    {"bthport.sys", "Bluetooth"},
    {"ucx01000.sys", "the USB host controller extension"},
};

enum { STATUS_COUNT = 4, COLUMNS = 96 };

struct info {
    const char *path;
    const struct pe_image *pe;
    const struct pe_info *head;
    struct pe_code *code;
    size_t file_size;
    FILE *out;
    const char *framework; /* of a module that is not here; NULL: none is needed */
    unsigned by_status[STATUS_COUNT], by_ordinal, delayed;
};

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void heading(const struct info *in)
{
    const struct pe_info *h = in->head;

    fprintf(in->out, "%s: x64 driver, %zu bytes\n", pp_base_name(in->path), in->file_size);
    if (h->description[0] || h->company[0])
        fprintf(in->out, "  %s%s%s%s%s\n", h->description,
                h->description[0] && h->company[0] ? ", " : "", h->company,
                h->file_version[0] ? ", version " : "", h->file_version);
    fprintf(in->out, "  linker %u.%02u, %s, %u function%s with unwind data\n", h->linker_major,
            h->linker_minor,
            h->is_fixed     ? "relocations stripped"
            : h->has_relocs ? "relocatable"
                            : "no relocation table",
            h->function_count, plural(h->function_count));
    if (h->pdb_path)
        fprintf(in->out, "  symbols: %s\n", h->pdb_path);
    fputc('\n', in->out);
}

/* ---- Imports ---- */

static const char *framework_of(const char *module)
{
    for (size_t i = 0; i < PP_COUNT(frameworks); i++) {
        if (!strcasecmp(module, frameworks[i].module))
            return frameworks[i].what;
    }
    return NULL;
}

static int status_of(const struct pe_import *imp)
{
    int status = imp->name ? ke_export_status(imp->module, imp->name, NULL) : 3;

    return status < 0 || status >= STATUS_COUNT ? 3 : status;
}

static void imports_of_status(const struct info *in, int status, const char *title)
{
    const struct pe_import *imp;
    size_t count, column = 0;

    if (!in->by_status[status])
        return;
    imp = pe_imports(in->pe, &count);
    fprintf(in->out, "  %s:\n", title);
    for (size_t i = 0; i < count; i++) {
        char text[200];
        size_t n;

        if (status_of(&imp[i]) != status)
            continue;
        if (imp[i].name)
            n = pp_fmt(text, sizeof text, "%s!%s%s", imp[i].module, imp[i].name,
                       imp[i].kind == PE_IMPORT_DELAY ? " (delayed)" : "");
        else
            n = pp_fmt(text, sizeof text, "%s!#%u", imp[i].module, imp[i].ordinal);
        if (column && column + n + 2 > COLUMNS) {
            fputc('\n', in->out);
            column = 0;
        }
        column += (size_t)fprintf(in->out, "%s%s", column ? "  " : "    ", text);
    }
    fputc('\n', in->out);
}

static void imports(struct info *in)
{
    size_t count;
    const struct pe_import *imp = pe_imports(in->pe, &count);

    for (size_t i = 0; i < count; i++) {
        in->by_status[status_of(&imp[i])]++;
        in->by_ordinal += !imp[i].name;
        in->delayed += imp[i].kind == PE_IMPORT_DELAY;
        if (!in->framework)
            in->framework = framework_of(imp[i].module);
    }
    fprintf(in->out, "imports: %zu: %u modelled, %u in part, %u known but missing, %u unknown%s\n",
            count, in->by_status[0], in->by_status[1], in->by_status[2], in->by_status[3],
            in->delayed ? " (some delayed)" : "");
    imports_of_status(in, 1, "in part (works, with the limits its page in docs/ names)");
    imports_of_status(in, 2, "missing (binds; a call stops the run with exit 3)");
    imports_of_status(in, 3, "unknown (binds; a call stops the run with exit 3)");
    fputc('\n', in->out);
}

/* ---- What it can be asked ---- */

static void names(const struct info *in, enum pe_name_kind kind, const char *title)
{
    const struct pe_code *c = in->code;
    unsigned shown = 0;

    for (size_t i = 0; i < c->name_count; i++) {
        bool again = c->names[i].kind != kind;

        for (size_t k = 0; k < i && !again; k++)
            again = c->names[k].kind == kind && !strcmp(c->names[k].text, c->names[i].text);
        if (again)
            continue;
        if (!shown++)
            fprintf(in->out, "%s:\n", title);
        fprintf(in->out, "  %s", c->names[i].text);
        if (kind == PE_NAME_ROUTINE && ke_export_status(NULL, c->names[i].text, NULL) > 1)
            fprintf(in->out, " (not modelled: looked up, it is not found)");
        fputc('\n', in->out);
    }
    if (shown)
        fputc('\n', in->out);
}

static void ioctls(const struct info *in)
{
    static const char *const methods[] = {"buffered", "in direct", "out direct", "neither"};
    static const char *const access[] = {"any", "read", "write", "read+write"};
    const struct pe_code *c = in->code;

    if (!c->ioctl_count)
        return;
    fprintf(in->out, "control codes: %zu\n", c->ioctl_count);
    for (size_t i = 0; i < c->ioctl_count; i++) {
        uint32_t code = c->ioctls[i].code;

        fprintf(in->out,
                "  0x%08X  device 0x%04X, function 0x%03X, method %s, access %s, at +0x%x%s\n",
                code, code >> 16, (code >> 2) & 0xFFF, methods[code & 3], access[(code >> 14) & 3],
                c->ioctls[i].rva, c->ioctls[i].is_certain ? "" : " (a guess)");
    }
    fputc('\n', in->out);
}

static void dispatch(const struct info *in)
{
    static const char *const major[28] = {"CREATE",
                                          "CREATE_NAMED_PIPE",
                                          "CLOSE",
                                          "READ",
                                          "WRITE",
                                          "QUERY_INFORMATION",
                                          "SET_INFORMATION",
                                          "QUERY_EA",
                                          "SET_EA",
                                          "FLUSH_BUFFERS",
                                          "QUERY_VOLUME_INFORMATION",
                                          "SET_VOLUME_INFORMATION",
                                          "DIRECTORY_CONTROL",
                                          "FILE_SYSTEM_CONTROL",
                                          "DEVICE_CONTROL",
                                          "INTERNAL_DEVICE_CONTROL",
                                          "SHUTDOWN",
                                          "LOCK_CONTROL",
                                          "CLEANUP",
                                          "CREATE_MAILSLOT",
                                          "QUERY_SECURITY",
                                          "SET_SECURITY",
                                          "POWER",
                                          "SYSTEM_CONTROL",
                                          "DEVICE_CHANGE",
                                          "QUERY_QUOTA",
                                          "SET_QUOTA",
                                          "PNP"};
    const struct pe_dispatch *d = &in->code->dispatch;
    unsigned shown = 0;

    for (unsigned i = 0; i < PP_COUNT(d->major); i++) {
        if (!d->major[i])
            continue;
        if (!shown++)
            fprintf(in->out, "routines of the driver object:\n");
        fprintf(in->out, "  IRP_MJ_%-26s +0x%x\n", major[i], d->major[i]);
    }
    if (!shown && !d->unload && !d->add_device)
        return;
    if (!shown)
        fprintf(in->out, "routines of the driver object:\n");
    if (d->add_device)
        fprintf(in->out, "  %-33s +0x%x\n", "AddDevice", d->add_device);
    if (d->start_io)
        fprintf(in->out, "  %-33s +0x%x\n", "DriverStartIo", d->start_io);
    if (d->unload)
        fprintf(in->out, "  %-33s +0x%x\n", "DriverUnload", d->unload);
    fputc('\n', in->out);
}

static void tags(const struct info *in)
{
    const struct pe_code *c = in->code;

    if (!c->tag_count)
        return;
    fprintf(in->out, "pool tags:\n");
    for (size_t i = 0; i < c->tag_count; i++) {
        char text[5];

        for (int k = 0; k < 4; k++) {
            int ch = (int)((c->tags[i].tag >> (8 * k)) & 0xFF);

            text[k] = (char)(isprint(ch) && ch < 0x7F ? ch : '.');
        }
        text[4] = '\0';
        if (c->tags[i].is_certain)
            fprintf(in->out, "  \"%s\"  %u use%s, first at +0x%x\n", text, c->tags[i].uses,
                    plural(c->tags[i].uses), c->tags[i].rva);
        else
            fprintf(in->out, "  \"%s\"  perhaps: a number like a tag at +0x%x\n", text,
                    c->tags[i].rva);
    }
    fputc('\n', in->out);
}

/* ---- What assumes a real machine ---- */

static void constants(const struct info *in)
{
    static const char *const kinds[] = {
        [PE_CONST_KUSER] = "KUSER_SHARED_DATA: emulated",
        [PE_CONST_COMPARED] =
            "compared as a kernel address: our kernel addresses are lower, the branch differs",
        [PE_CONST_USER_LIMIT] =
            "compared as the top of user space: every address here passes as user mode",
        [PE_CONST_PAGE_TABLES] = "the fixed page-table window of old Windows: not there",
        [PE_CONST_OTHER] = "an upper-half number, perhaps an address",
    };
    const struct pe_code *c = in->code;

    if (!c->const_count)
        return;
    fprintf(in->out, "upper-half constants:\n");
    for (size_t i = 0; i < c->const_count; i++)
        fprintf(in->out, "  0x%016llX at +0x%x: %s\n", (unsigned long long)c->consts[i].value,
                c->consts[i].rva, kinds[c->consts[i].kind]);
    fputc('\n', in->out);
}

static void instructions(const struct info *in)
{
    unsigned uses[PE_INSN_KIND_COUNT] = {0};
    uint32_t first[PE_INSN_KIND_COUNT] = {0};
    const struct pe_code *c = in->code;
    bool any = false;

    for (size_t i = 0; i < c->insn_count; i++) {
        unsigned kind = c->insns[i].kind;

        if (kind >= PE_INSN_KIND_COUNT)
            continue;
        if (!uses[kind]++)
            first[kind] = c->insns[i].rva;
    }
    for (unsigned k = 0; k < PE_INSN_KIND_COUNT; k++) {
        if (!uses[k])
            continue;
        if (!any)
            fprintf(in->out, "instructions that mean something else in user mode:\n");
        any = true;
        fprintf(in->out, "  %-16s %u use%s, first at +0x%x\n",
                pe_insn_kind_name((enum pe_insn_kind)k), uses[k], plural(uses[k]), first[k]);
    }
    if (any)
        fputc('\n', in->out);
}

static void conclusion(const struct info *in)
{
    unsigned stops = in->by_status[2] + in->by_status[3];

    if (in->framework)
        fprintf(in->out, "can run: no: it is built on %s, which is not modelled\n", in->framework);
    else if (in->head->is_dll || !in->head->entry_rva)
        fprintf(in->out,
                "can run: no: it exports routines for other drivers and has nothing to start\n");
    else if (stops)
        fprintf(in->out, "can run: yes, until it calls one of %u import%s not modelled\n", stops,
                stops == 1 ? " that is" : "s that are");
    else
        fprintf(in->out, "can run: yes\n");
}

int host_info(const char *driver, FILE *out)
{
    struct info in = {.path = driver, .out = out};
    struct pe_image *pe = NULL;
    uint8_t *bytes = NULL;
    char why[PP_WHY_SIZE];
    int err, code = HOST_USAGE;

    err = host_read_file(driver, PE_IMAGE_MAX, &bytes, &in.file_size);
    if (err) {
        fprintf(stderr, "poolproof: %s: %s\n", driver, strerror(-err));
        return HOST_USAGE;
    }
    if (pe_image_parse(bytes, in.file_size, &pe, why)) {
        fprintf(stderr, "poolproof: %s: %s\n", driver, why);
        goto done;
    }
    if (pe_code_walk(pe, &in.code)) {
        fprintf(stderr, "poolproof: %s: out of memory\n", driver);
        goto done;
    }
    in.pe = pe;
    in.head = pe_image_info(pe);
    heading(&in);
    imports(&in);
    names(&in, PE_NAME_DEVICE, "device names");
    names(&in, PE_NAME_LINK, "links");
    names(&in, PE_NAME_HARDWARE, "hardware IDs");
    names(&in, PE_NAME_ROUTINE,
          "routine names in its data (perhaps for MmGetSystemRoutineAddress)");
    dispatch(&in);
    ioctls(&in);
    tags(&in);
    constants(&in);
    instructions(&in);
    conclusion(&in);
    code = HOST_CLEAN;

done:
    pe_code_free(in.code);
    pe_image_free(pe);
    pp_free(bytes);
    return code;
}
