/*
 * pooltag on a terminal. The state is opened anew for every picture, so that the next machine of
 * the directory is followed; while paused the last picture stays. Key letters are PoolMon's where
 * it has them.
 */
#include "tools/pooltag.h"

#include <curses.h>
#include <errno.h>
#include <string.h>

enum { REFRESH_MS = 1000, HEAD_LINES = 3, INPUT_MAX = 200, REDRAW_KEY = 'L' & 0x1F };

static const char keys_text[] =
    "btafdkm sort   p pool   / filter   ENTER sites   SPACE pause   s save   q quit";

enum prompt { PROMPT_NONE, PROMPT_FILTER, PROMPT_SAVE };

struct view {
    const struct pt_view_options *o;
    struct pt_state state;
    struct pt_table table;
    bool has_state, is_paused, with_sites, is_over;
    struct pt_filter filter;
    enum pt_sort sort;
    char pattern[INPUT_MAX + 3]; /* what `filter` points to */
    uint32_t tag, side;          /* of the selected row; 0: none yet */
    size_t top;
    enum prompt prompt;
    char input[INPUT_MAX], message[PP_WHY_SIZE];
};

/* ---- The state ---- */

static void take(struct view *v)
{
    struct host_state st;
    char why[PP_WHY_SIZE];

    if (host_state_open(v->o->dir, v->o->file, &st, why)) {
        pp_fmt(v->message, sizeof v->message, "%s", why);
        return;
    }
    pt_state_done(&v->state);
    pt_state_read(st.s, host_state_is_running(&st), v->o->tags, &v->state);
    if (v->with_sites)
        pt_state_name_sites(&v->state, st.s, v->o->symbols);
    v->has_state = true;
    host_state_close(&st);
}

static void arrange(struct view *v)
{
    pt_table_done(&v->table);
    pt_table_make(&v->state, &v->filter, v->sort, &v->table);
}

static size_t selected(const struct view *v)
{
    for (size_t i = 0; i < v->table.count; i++) {
        if (v->table.rows[i]->tag == v->tag && v->table.rows[i]->side == v->side)
            return i;
    }
    return 0;
}

static void save(struct view *v)
{
    struct host_state st;
    char why[PP_WHY_SIZE];

    if (host_state_open(v->o->dir, v->o->file, &st, why)) {
        pp_fmt(v->message, sizeof v->message, "%s", why);
        return;
    }
    if (pt_save(&st, v->input, why))
        pp_fmt(v->message, sizeof v->message, "%s", why);
    else
        pp_fmt(v->message, sizeof v->message, "saved: %.150s", v->input);
    host_state_close(&st);
}

/* ---- Drawing ---- */

static int put(int y, int attributes, const char *text)
{
    if (y < 0 || y >= LINES)
        return y + 1;
    attrset(attributes);
    mvaddnstr(y, 0, text, COLS);
    attrset(A_NORMAL);
    return y + 1;
}

static void draw_head(const struct view *v)
{
    static const char *const pools[] = {"nonpaged", "paged"};
    char line[PT_PLACE];

    pt_state_text(&v->state, line);
    if (v->is_paused)
        pp_fmt_append(line, sizeof line, "  PAUSED");
    put(0, A_BOLD, v->has_state ? line : "no state");
    pp_fmt(line, sizeof line, "%zu of %zu rows, by %s, %s pool%s%s", v->table.count,
           v->state.row_count, pt_sort_names[v->sort],
           v->filter.is_side_only ? pools[v->filter.side] : "both sides of the",
           v->filter.tag_count ? ", tags like " : "", v->filter.tag_count ? v->filter.tags[0] : "");
    put(1, A_NORMAL, line);
    pt_columns_text(&v->table, line);
    put(2, A_UNDERLINE, line);
}

static int draw_row(const struct view *v, size_t i, int y)
{
    const struct pt_row *r = v->table.rows[i];
    bool is_selected = i == selected(v);
    char line[PT_PLACE];

    pt_row_text(r, line);
    y = put(y, is_selected ? A_REVERSE : A_NORMAL, line);
    for (size_t j = 0; v->with_sites && is_selected && j < r->site_count && y < LINES - 1; j++) {
        pp_fmt(line, sizeof line, "      %llu allocs, %llu frees, %llu bytes: ",
               (unsigned long long)r->sites[j].allocs, (unsigned long long)r->sites[j].frees,
               (unsigned long long)r->sites[j].bytes);
        pp_fmt_append(line, sizeof line, "%s", r->sites[j].place);
        y = put(y, A_DIM, line);
    }
    return y;
}

static void draw(struct view *v)
{
    size_t room = LINES > HEAD_LINES + 1 ? (size_t)(LINES - HEAD_LINES - 1) : 1, at = selected(v);
    char line[PT_PLACE];
    int y = HEAD_LINES;

    v->top = at < v->top ? at : v->top;
    v->top = at >= v->top + room ? at - room + 1 : v->top;
    erase();
    draw_head(v);
    for (size_t i = v->top; i < v->table.count && y < LINES - 1; i++)
        y = draw_row(v, i, y);
    if (v->prompt) {
        pp_fmt(line, sizeof line, "%s: %s", v->prompt == PROMPT_FILTER ? "filter" : "save as",
               v->input);
        put(LINES - 1, A_BOLD, line);
    } else {
        put(LINES - 1, A_DIM, v->message[0] ? v->message : keys_text);
    }
    refresh();
}

/* ---- Keys ---- */

/* Text without a wildcard is wanted anywhere in the tag. */
static void set_filter(struct view *v)
{
    bool is_pattern = strpbrk(v->input, "*?") != NULL;

    pp_fmt(v->pattern, sizeof v->pattern, is_pattern ? "%s" : "*%s*", v->input);
    v->filter.tags[0] = v->pattern;
    v->filter.tag_count = v->input[0] != '\0';
}

static void prompt_key(struct view *v, int key)
{
    size_t n = strlen(v->input);

    if (key == KEY_BACKSPACE || key == 127 || key == '\b')
        v->input[n ? n - 1 : 0] = '\0';
    else if (key == 27)
        v->input[0] = '\0';
    else if (key >= 0x20 && key < 0x7F)
        pp_fmt_append(v->input, sizeof v->input, "%c", key);
    if (v->prompt == PROMPT_FILTER)
        set_filter(v);
    if (key != '\n' && key != '\r' && key != KEY_ENTER && key != 27)
        return;
    if (v->prompt == PROMPT_SAVE && v->input[0])
        save(v);
    v->prompt = PROMPT_NONE;
}

static void move_by(struct view *v, int rows)
{
    ptrdiff_t at = (ptrdiff_t)selected(v) + rows, last = (ptrdiff_t)v->table.count - 1;

    at = PP_MAX(PP_MIN(at, last), 0);
    if (v->table.count) {
        v->tag = v->table.rows[at]->tag;
        v->side = v->table.rows[at]->side;
    }
}

static void next_pool(struct view *v)
{
    if (!v->filter.is_side_only) {
        v->filter.is_side_only = true;
        v->filter.side = POOLPROOF_NONPAGED;
    } else if (v->filter.side == POOLPROOF_NONPAGED) {
        v->filter.side = POOLPROOF_PAGED;
    } else {
        v->filter.is_side_only = false;
    }
}

static void start_prompt(struct view *v, enum prompt prompt)
{
    v->prompt = prompt;
    pp_fmt(v->input, sizeof v->input, "%s", prompt == PROMPT_SAVE ? "pooltag.state" : "");
}

static bool sort_key(struct view *v, int key)
{
    static const char keys[] = "btafdkm"; /* in the order of enum pt_sort */
    const char *at = key > 0 && key < 128 ? strchr(keys, key) : NULL;

    if (at)
        v->sort = (enum pt_sort)(at - keys);
    return at != NULL;
}

static void command_key(struct view *v, int key)
{
    v->message[0] = '\0';
    if (sort_key(v, key))
        return;
    switch (key) {
    case 'q':
        v->is_over = true;
        break;
    case 'p':
        next_pool(v);
        break;
    case ' ':
        v->is_paused = !v->is_paused;
        break;
    case '/':
        start_prompt(v, PROMPT_FILTER);
        break;
    case 's':
        start_prompt(v, PROMPT_SAVE);
        break;
    case '\n':
    case '\r':
    case KEY_ENTER:
        v->with_sites = !v->with_sites;
        take(v);
        break;
    case KEY_UP:
        move_by(v, -1);
        break;
    case KEY_DOWN:
        move_by(v, 1);
        break;
    case KEY_PPAGE:
        move_by(v, -(LINES - HEAD_LINES - 2));
        break;
    case KEY_NPAGE:
        move_by(v, LINES - HEAD_LINES - 2);
        break;
    default:
        break;
    }
}

static void loop(struct view *v)
{
    while (!v->is_over) {
        int key;

        if (!v->is_paused && !v->prompt)
            take(v);
        arrange(v);
        move_by(v, 0);
        draw(v);
        key = getch();
        if (key == REDRAW_KEY)
            (void)clearok(curscr, TRUE); /* cannot fail with a screen there */
        if (key == ERR || key == KEY_RESIZE || key == REDRAW_KEY)
            continue;
        if (v->prompt)
            prompt_key(v, key);
        else
            command_key(v, key);
    }
}

int pt_view(const struct pt_view_options *o, char why[PP_WHY_SIZE])
{
    struct view v = {.o = o, .filter = o->filter, .sort = o->sort};
    SCREEN *screen = newterm(NULL, stdout, stdin);

    if (!screen) {
        pp_fmt(why, PP_WHY_SIZE, "this terminal is unknown (TERM): try pooltag --table");
        return -ENOTTY;
    }
    (void)cbreak(); /* what a terminal cannot do, it does without */
    (void)noecho();
    (void)curs_set(0);
    (void)keypad(stdscr, TRUE);
    (void)set_escdelay(25);
    timeout(REFRESH_MS);
    loop(&v);
    (void)endwin();
    delscreen(screen);
    pt_table_done(&v.table);
    pt_state_done(&v.state);
    return 0;
}
