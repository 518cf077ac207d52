/*
 * The dialog of gflags as a terminal screen: a page for the stored settings and one for the running
 * machine, each with its flags and the group "Special Pool". Apply writes what changed; OK does so
 * and leaves.
 */
#include "tools/gflags.h"

#include <newt.h>
#include <string.h>

enum { WIDTH = 76, HEIGHT = 19, LIST_HEIGHT = 13, SIDE = 53, ENTRY = 14 };

enum answer { ANSWER_CANCEL, ANSWER_OK, ANSWER_APPLY, ANSWER_PAGE };

struct page {
    struct gf_target target;
    struct gf_settings shown; /* as read or last applied */
    char why[PP_WHY_SIZE];    /* why there is nothing to show, or "" */
};

struct widgets {
    newtComponent form, list, text, hex, entry, start, end;
    newtComponent ok, cancel, apply, other;
};

/* ---- One page on the screen ---- */

static void add_flags(struct widgets *w, const struct page *p)
{
    w->list = newtCheckboxTree(1, 2, LIST_HEIGHT, NEWT_FLAG_SCROLL);
    newtCheckboxTreeSetWidth(w->list, SIDE - 2);
    for (size_t i = 0; i < GF_FLAG_COUNT; i++) {
        const struct gf_flag *f = &gf_flags[i];
        char line[80];

        if (!(f->dests & p->target.dest))
            continue;
        pp_fmt(line, sizeof line, "%s %s", f->name, f->text);
        newtCheckboxTreeAddItem(w->list, line, f, p->shown.flags & f->bit ? NEWT_FLAG_SELECTED : 0,
                                NEWT_ARG_APPEND, NEWT_ARG_LAST);
    }
    newtFormAddComponent(w->form, w->list);
}

static void add_special_pool(struct widgets *w, const struct page *p)
{
    char value[16] = "";

    if (p->shown.pool_tag)
        pp_fmt(value, sizeof value, "0x%08x", p->shown.pool_tag);
    w->text = newtRadiobutton(SIDE + 1, 5, "Text", !p->shown.pool_tag, NULL);
    w->hex = newtRadiobutton(SIDE + 13, 5, "Hex", p->shown.pool_tag != 0, w->text);
    w->entry = newtEntry(SIDE + 1, 7, value, ENTRY, NULL, NEWT_FLAG_SCROLL);
    w->start = newtRadiobutton(SIDE + 1, 9, "Verify Start", !p->shown.overruns, NULL);
    w->end = newtRadiobutton(SIDE + 1, 10, "Verify End", p->shown.overruns != 0, w->start);
    newtFormAddComponents(w->form, newtLabel(SIDE, 2, "Special Pool"),
                          newtLabel(SIDE, 3, "Kernel Special Pool Tag"), w->text, w->hex, w->entry,
                          w->start, w->end, NULL);
}

static void add_buttons(struct widgets *w, const struct page *p, bool can_change)
{
    bool is_registry = p->target.dest == GF_REGISTRY;

    w->other = newtCompactButton(1, HEIGHT - 2, is_registry ? "Kernel Flags" : "System Registry");
    w->ok = newtCompactButton(SIDE - 9, HEIGHT - 2, "OK");
    w->cancel = newtCompactButton(SIDE - 1, HEIGHT - 2, "Cancel");
    if (can_change)
        w->apply = newtCompactButton(SIDE + 11, HEIGHT - 2, "Apply");
    newtFormAddComponents(w->form, w->other, w->ok, w->cancel, w->apply, NULL);
}

static struct widgets make_form(struct page *p)
{
    struct widgets w = {.form = newtForm(NULL, NULL, 0)};
    bool is_registry = p->target.dest == GF_REGISTRY;

    newtFormAddComponent(w.form, newtLabel(1, 0,
                                           is_registry ? "[System Registry]  Kernel Flags"
                                                       : " System Registry  [Kernel Flags]"));
    if (p->why[0]) {
        newtComponent text = newtTextboxReflowed(1, 3, p->why, WIDTH - 4, 5, 5, 0);

        newtFormAddComponent(w.form, text); /* which copies what it shows */
    } else {
        add_flags(&w, p);
        add_special_pool(&w, p);
        newtFormAddComponent(
            w.form, newtLabel(1, HEIGHT - 3,
                              is_registry ? "Takes effect at the next start of the machine."
                                          : "Takes effect at once, until the machine ends."));
    }
    add_buttons(&w, p, !p->why[0]);
    return w;
}

/* ---- What the user entered ---- */

static void read_flags(const struct widgets *w, const struct page *p, struct gf_change *c)
{
    for (size_t i = 0; i < GF_FLAG_COUNT; i++) {
        const struct gf_flag *f = &gf_flags[i];
        bool was = p->shown.flags & f->bit, is;

        if (!(f->dests & p->target.dest))
            continue;
        is = newtCheckboxTreeGetEntryValue(w->list, (void *)(uintptr_t)f) ==
             NEWT_CHECKBOXTREE_SELECTED;
        if (is && !was)
            c->set |= f->bit;
        else if (!is && was)
            c->clear |= f->bit;
    }
}

/* False: why says what is wrong with it. */
static bool read_tag(const struct widgets *w, const struct page *p, struct gf_change *c,
                     char note[PP_WHY_SIZE], char why[PP_WHY_SIZE])
{
    const char *value = newtEntryGetValue(w->entry);
    bool is_text = newtRadioGetCurrent(w->text) == w->text;

    note[0] = '\0';
    if (!*value) {
        c->tag = p->shown.pool_tag ? GF_TAG_DELETE : GF_TAG_KEEP;
        return true;
    }
    if (is_text ? gf_tag_from_text(value, &c->pool_tag, why)
                : gf_tag_from_hex(value, &c->pool_tag, note, why))
        return false;
    c->tag = c->pool_tag != p->shown.pool_tag ? GF_TAG_SET : GF_TAG_KEEP;
    return true;
}

/* Write what changed. False: it could not be, and the user knows. */
static bool apply(const struct widgets *w, struct page *p)
{
    struct gf_change change = {0};
    char note[PP_WHY_SIZE], why[PP_WHY_SIZE];
    bool is_end = newtRadioGetCurrent(w->start) == w->end;

    read_flags(w, p, &change);
    if (is_end != (p->shown.overruns != 0))
        change.edge = is_end ? GF_EDGE_END : GF_EDGE_START;
    if (!read_tag(w, p, &change, note, why) ||
        (gf_is_change(&change) && gf_apply(&p->target, &change, &p->shown, why) != GF_DONE)) {
        newtWinMessage("Global Flags", "OK", "%s", why);
        return false;
    }
    if (note[0])
        newtWinMessage("Global Flags", "OK", "%s", note);
    return true;
}

/* ---- The dialog ---- */

static void page_read(struct page *p)
{
    p->why[0] = '\0';
    (void)gf_apply(&p->target, NULL, &p->shown, p->why); /* why says it, and the page shows it */
}

static enum answer answer_of(const struct widgets *w, const struct newtExitStruct *end)
{
    if (end->reason != NEWT_EXIT_COMPONENT || end->u.co == w->cancel)
        return ANSWER_CANCEL;
    if (end->u.co == w->other)
        return ANSWER_PAGE;
    return end->u.co == w->ok ? ANSWER_OK : ANSWER_APPLY;
}

/* Until the user changes the page, leaves, or applies what can be applied. */
static enum answer run_page(struct page *p)
{
    struct widgets w = make_form(p);
    struct newtExitStruct end;
    enum answer answer;
    bool is_done;

    newtFormAddHotKey(w.form, NEWT_KEY_ESCAPE);
    do {
        newtFormRun(w.form, &end);
        answer = answer_of(&w, &end);
        is_done = p->why[0] || answer == ANSWER_CANCEL || answer == ANSWER_PAGE || apply(&w, p);
    } while (!is_done);
    newtFormDestroy(w.form);
    return answer;
}

int gf_dialog(const char *machine)
{
    struct page pages[2] = {{.target = {.dest = GF_REGISTRY, .machine = machine}},
                            {.target = {.dest = GF_KERNEL, .machine = machine}}};
    enum answer answer = ANSWER_APPLY;
    unsigned at = 0;

    newtInit();
    newtCls();
    for (unsigned i = 0; i < PP_COUNT(pages); i++)
        page_read(&pages[i]);
    while (answer == ANSWER_APPLY || answer == ANSWER_PAGE) {
        newtCenteredWindow(WIDTH, HEIGHT, "Global Flags");
        answer = run_page(&pages[at]);
        newtPopWindow();
        if (answer == ANSWER_PAGE)
            at = !at;
    }
    newtFinished();
    return GF_DONE;
}
