/*
 * Tags that make a leak hard to find. Only drivers are judged: a row whose blocks all come from the
 * kernel is the kernel's affair. Doc: WDK, ExAllocatePoolWithTag, "Tag" (one to four characters,
 * each from 0x20 to 0x7E; a unique tag for each driver) and Windows Debugging, bug check 0xC2.
 */
#include "tools/pooltag.h"

#include <ctype.h>
#include <string.h>

const char *const pt_habit_names[PT_HABITS] = {
    [PT_HABIT_DEFAULT] = "default-tag", [PT_HABIT_UNPRINTABLE] = "unprintable",
    [PT_HABIT_NO_LETTER] = "no-letter", [PT_HABIT_SHARED] = "shared",
    [PT_HABIT_TAKEN] = "taken",         [PT_HABIT_UNKNOWN] = "unknown-owner",
};

static const char *const remedies[PT_HABITS] = {
    [PT_HABIT_DEFAULT] = "Give each kind of block a tag of the driver's own.",
    [PT_HABIT_UNPRINTABLE] = "Use four characters from 0x20 to 0x7E.",
    [PT_HABIT_NO_LETTER] = "Put a letter or a digit into it, or Windows may stop (0xC2/9D).",
    [PT_HABIT_SHARED] = "Give each driver tags of its own.",
    [PT_HABIT_TAKEN] = "Choose a tag that the tag file does not list.",
    [PT_HABIT_UNKNOWN] = "Add a line \"Tag - driver.sys - what it is\" to the tag file.",
};

/* Tags that say nothing, and where they come from. */
static const struct {
    char tag[5];
    const char *source;
} defaults[] = {
    {"Ddk ", "ntddk.h's default"},
    {"Wdm ", "wdm.h's default"},
    {"None", "booked for allocations without a tag"},
    {"    ", "booked for tag 0"},
};

/* One tag, both sides. */
struct subject {
    const struct pt_row *row; /* its first one */
    char users[160];          /* drivers, the kernel left out: "a.sys, b.sys" */
    size_t user_count;
    bool is_of_kernel; /* nothing but the kernel allocates it */
};

struct list {
    struct pt_remark *items;
    size_t count;
};

static struct pt_remark *add(struct list *l, const struct subject *s, enum pt_habit habit)
{
    struct pt_remark *m = &l->items[l->count++];

    *m = (struct pt_remark){.row = s->row, .habit = habit, .remedy = remedies[habit]};
    return m;
}

/* ---- The tag itself ---- */

static void judge_default(struct list *l, const struct subject *s)
{
    for (size_t i = 0; i < PP_COUNT(defaults); i++) {
        if (!memcmp(&s->row->tag, defaults[i].tag, 4))
            pp_fmt(add(l, s, PT_HABIT_DEFAULT)->what, sizeof l->items->what, "%s, used by %s",
                   defaults[i].source, s->users);
    }
}

static void judge_characters(struct list *l, const struct subject *s)
{
    uint32_t tag = s->row->tag;
    bool is_printable = true, has_letter = false;

    for (int i = 0; i < 4; i++) {
        int c = (int)(tag >> 8 * i & 0xFF);

        /* A literal of fewer than four characters ends in zeros, shown as blanks. */
        is_printable &= (c >= 0x20 && c <= 0x7E) || !(tag >> 8 * i);
        has_letter |= c < 0x80 && isalnum(c);
    }
    if (!is_printable)
        pp_fmt(add(l, s, PT_HABIT_UNPRINTABLE)->what, sizeof l->items->what,
               "bytes %02x %02x %02x %02x, used by %s", tag & 0xFF, tag >> 8 & 0xFF,
               tag >> 16 & 0xFF, tag >> 24, s->users);
    if (!has_letter && tag != 0x20202020) /* blanks are a default already */
        pp_fmt(add(l, s, PT_HABIT_NO_LETTER)->what, sizeof l->items->what,
               "no letter or digit in it, used by %s", s->users);
}

/* ---- Whose it is ---- */

static void judge_shared(struct list *l, const struct subject *s)
{
    if (s->user_count > 1)
        pp_fmt(add(l, s, PT_HABIT_SHARED)->what, sizeof l->items->what, "used by %zu drivers: %s",
               s->user_count, s->users);
}

/* The owner that a tag file's record names: "afd.sys", "nt!mm"; "" when it names none. */
static void record_owner(const char *record, char ret[64])
{
    const char *end = strstr(record, " - ");
    size_t n = end ? (size_t)(end - record) : 0;

    while (n && record[n - 1] == ' ')
        n--;
    pp_fmt(ret, 64, "%.*s", (int)n, record);
    if (strpbrk(ret, " <") || !strpbrk(ret, ".!"))
        ret[0] = '\0'; /* <unknown>, <multiple>, or the start of a description */
}

static void judge_owner(struct list *l, const struct subject *s, bool has_tag_file)
{
    const char *record = s->row->described;
    char owner[64];

    if (!has_tag_file)
        return;
    if (!record) {
        pp_fmt(add(l, s, PT_HABIT_UNKNOWN)->what, sizeof l->items->what,
               "not in the tag file, used by %s", s->users);
        return;
    }
    record_owner(record, owner);
    if (owner[0] && !strcasestr(s->users, owner))
        pp_fmt(add(l, s, PT_HABIT_TAKEN)->what, sizeof l->items->what,
               "belongs to %s by the tag file, used by %s", owner, s->users);
}

/* ---- All tags ---- */

static void add_user(struct subject *s, const char *name)
{
    char have[sizeof s->users + 4], want[72];

    pp_fmt(have, sizeof have, ", %s,", s->users);
    pp_fmt(want, sizeof want, ", %s,", name);
    if (strstr(have, want))
        return;
    pp_fmt_append(s->users, sizeof s->users, "%s%s", s->user_count ? ", " : "", name);
    s->user_count++;
}

/* The rows of one tag are neighbours. */
static struct subject subject_of(const struct pt_state *t, size_t row, size_t *ret_next)
{
    struct subject s = {.row = &t->rows[row]};
    bool has_site = false;

    for (; row < t->row_count && t->rows[row].tag == s.row->tag; row++) {
        const struct pt_row *r = &t->rows[row];

        has_site |= r->site_count > 0;
        for (size_t i = 0; i < r->site_count; i++) {
            if (r->sites[i].driver != PT_KERNEL)
                add_user(&s, t->drivers[r->sites[i].driver].name);
        }
    }
    s.is_of_kernel = has_site && !s.user_count;
    *ret_next = row;
    return s;
}

size_t pt_hygiene(const struct pt_state *t, const struct pt_filter *f, bool has_tag_file,
                  struct pt_remark **ret)
{
    struct list l = {.items = pp_new_array(PT_HABITS * t->row_count + 1, sizeof *l.items)};

    PP_ASSERT(l.items);
    for (size_t i = 0, next; i < t->row_count; i = next) {
        struct subject s = subject_of(t, i, &next);
        bool is_shown = false;

        for (size_t j = i; j < next; j++)
            is_shown |= pt_is_shown(f, &t->rows[j]);
        if (!is_shown || s.is_of_kernel)
            continue;
        if (!s.user_count) {
            pp_fmt(add(&l, &s, PT_HABIT_UNKNOWN)->what, sizeof l.items->what,
                   "no call site is known: more places allocate than the state has rows for");
            l.items[l.count - 1].remedy = "Drive less of the driver in one run.";
            continue;
        }
        judge_default(&l, &s);
        judge_characters(&l, &s);
        judge_shared(&l, &s);
        judge_owner(&l, &s, has_tag_file);
    }
    *ret = l.items;
    return l.count;
}
