/*
 * The terminal: PoolMon's screen and keys. Draws what the model gives and keeps nothing but where
 * the user is: first row shown, help or not, a notice. Works from 80 columns and 24 lines up; on a
 * smaller terminal lines are cut.
 */
#include "tools/poolmon.h"

#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ESCAPE = 27, ESCAPE_MS = 50, STATUS_COLUMN = 40, NOTICE_MS = 5000 };
enum { COLOR_UP = 1, COLOR_DOWN, COLOR_NOTICE };

struct screen {
    struct pm_options *o;
    struct pm_snapshot now, before;
    bool has_now, has_before;
    struct pm_table table;
    struct pm_columns columns;
    size_t top; /* first row shown */
    int width, height;
    bool is_help, is_over;
    char notice[PM_TEXT];
    uint64_t notice_until_ms; /* 0: until it no longer holds */
    int err;                  /* why the screen ends by itself */
    char *why;
};

static const char *const help_text[] = {
    "",
    " Keys:",
    "   p        nonpaged and paged, nonpaged only, paged only",
    "   ( or )   sort by value or by its change since the last update",
    "   s        pool of the system or of all sessions",
    "   0-9 i    pool of that session; i asks for its number",
    "   l        highlight what changed, or not",
    "   e        sums at the end, or not",
    "   t a f    sort by Tag, Allocs, Frees",
    "   d b m    sort by Diff, Bytes, Per Alloc",
    "   arrows   scroll; so do Page Up, Page Down, Home and End",
    "   ? or h   this help; Esc leaves it",
    "   q Esc    end",
    "",
    " Any other key takes a new snapshot at once.",
    "",
    " Bytes: what the blocks occupy; Per Alloc: Bytes / Diff. In parentheses: the",
    " change since the last update.",
};

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- Data ---- */

static void notice(struct screen *sc, const char *text, bool is_lasting)
{
    pp_fmt(sc->notice, sizeof sc->notice, " %s", text);
    sc->notice_until_ms = is_lasting ? 0 : now_ms() + NOTICE_MS;
}

static void say_news(struct screen *sc, enum pm_news news)
{
    const struct pm_machine *m = &sc->now.machine;
    char text[PM_TEXT];

    if (news == PM_RESTARTED) {
        pp_fmt(text, sizeof text,
               "The machine was restarted (machine %u): all counters begin anew.", m->generation);
        notice(sc, text, false);
    } else if (news == PM_ATTACHED && sc->has_before) {
        pp_fmt(text, sizeof text, "The next machine: %s.", *m->driver ? m->driver : "no driver");
        notice(sc, text, false);
    } else if (!m->is_running && !sc->o->source.file) {
        notice(sc, "The machine has ended; waiting for the next one of this directory.", true);
    } else if (!sc->notice_until_ms || now_ms() >= sc->notice_until_ms) {
        *sc->notice = '\0';
    }
}

static void table_make(struct screen *sc)
{
    pm_table_done(&sc->table);
    sc->err = sc->has_now ? pm_table_make(&sc->now, sc->has_before ? &sc->before : NULL,
                                          &sc->o->view, &sc->table)
                          : 0;
    if (sc->err)
        pp_fmt(sc->why, PP_WHY_SIZE, "out of memory");
    sc->columns = pm_columns_fit(&sc->table, &sc->o->view, true);
}

/* Take a snapshot. What is not there yet is waited for, with a word about it on the screen. */
static void update(struct screen *sc)
{
    struct pm_snapshot next;
    enum pm_news news = PM_SAME;
    char why[PP_WHY_SIZE] = "";
    int err = pm_source_next(&sc->o->source, sc->has_now ? &sc->now : NULL, &next, &news, why);

    if (err == -ENOENT || err == -EAGAIN) {
        notice(sc, why, true);
        table_make(sc);
        return;
    }
    if (err) {
        sc->err = err;
        pp_fmt(sc->why, PP_WHY_SIZE, "%s", why);
        return;
    }
    pm_snapshot_done(&sc->before);
    sc->before = sc->now;
    sc->has_before = sc->has_now;
    sc->now = next;
    sc->has_now = true;
    say_news(sc, news);
    if (news != PM_SAME) { /* nothing to compare with */
        pm_snapshot_done(&sc->before);
        sc->has_before = false;
    }
    table_make(sc);
}

/* ---- Drawing ---- */

static attr_t mark_attribute(const struct screen *sc, char mark)
{
    if (mark == ' ' || !sc->o->view.highlight)
        return A_NORMAL;
    if (!has_colors())
        return A_BOLD;
    return A_BOLD | (attr_t)COLOR_PAIR(mark == '+' ? COLOR_UP : COLOR_DOWN);
}

static void draw_line(int y, const char *text)
{
    (void)mvaddnstr(y, 0, text, COLS); /* beyond the last cell: cut */
}

static void draw_row(const struct screen *sc, int y, const struct pm_line *l)
{
    char text[PM_TEXT], marks[PM_TEXT];

    pm_row_text(&sc->columns, l, text, marks);
    (void)move(y, 0);
    for (int x = 0; x < sc->width && text[x]; x++)
        (void)addch((unsigned char)text[x] | mark_attribute(sc, marks[x])); /* as above */
}

static void draw_header(const struct screen *sc)
{
    uint64_t faults =
        sc->has_before ? sc->now.machine.totals.page_faults - sc->before.machine.totals.page_faults
                       : 0;
    char text[PM_TEXT];

    for (int i = 0; i < PM_HEADER_LINES; i++) {
        pm_header_text(&sc->now.machine, &sc->columns, faults, i, text);
        draw_line(i, text);
    }
    if (sc->has_now) {
        pm_machine_text(&sc->now.machine, text);
        (void)mvaddnstr(2, STATUS_COLUMN, text, PP_MAX(0, sc->width - STATUS_COLUMN));
    }
    (void)attron(has_colors() ? A_BOLD | COLOR_PAIR(COLOR_NOTICE) : A_REVERSE);
    draw_line(PM_HEADER_LINES - 1, sc->notice);
    (void)attrset(A_NORMAL);
}

/* Lines for rows, between the header and the sums. */
static size_t room(const struct screen *sc)
{
    unsigned sides[2];
    size_t sums = pm_sums_shown(&sc->o->view, sides);
    int lines = sc->height - PM_HEADER_LINES - (int)(sums ? sums + 1 : 0);

    return lines > 0 ? (size_t)lines : 0;
}

static void draw_sums(const struct screen *sc)
{
    unsigned sides[2];
    size_t sums = pm_sums_shown(&sc->o->view, sides), shown = sc->table.count - sc->top;
    int y = PM_HEADER_LINES + (int)PP_MIN(shown, room(sc)) + 1;
    char text[PM_TEXT];

    for (size_t i = 0; i < sums; i++) {
        pm_sum_text(&sc->columns, &sc->table.sums[sides[i]], sides[i], text);
        draw_line(y + (int)i, text);
    }
}

static void draw(struct screen *sc)
{
    size_t lines;

    getmaxyx(stdscr, sc->height, sc->width);
    lines = room(sc);
    sc->top = PP_MIN(sc->top, sc->table.count > lines ? sc->table.count - lines : 0);
    (void)erase();
    if (sc->is_help) {
        for (size_t i = 0; i < PP_COUNT(help_text); i++)
            draw_line((int)i, help_text[i]);
    } else {
        draw_header(sc);
        for (size_t i = 0; i < lines && sc->top + i < sc->table.count; i++)
            draw_row(sc, PM_HEADER_LINES + (int)i, &sc->table.lines[sc->top + i]);
        draw_sums(sc);
    }
    (void)move(PP_MAX(0, sc->height - 1), 0);
    (void)refresh();
}

/* ---- Keys ---- */

/* A number, or nothing for all sessions; Esc leaves things as they are. */
static void ask_session(struct screen *sc)
{
    char digits[6] = "", line[64];
    size_t n = 0;
    int key;

    timeout(-1);
    for (;;) {
        pp_fmt(line, sizeof line, " Session (Enter alone: all): %s", digits);
        (void)move(PM_HEADER_LINES - 1, 0);
        (void)clrtoeol();
        draw_line(PM_HEADER_LINES - 1, line);
        (void)refresh();
        key = getch();
        if (key >= '0' && key <= '9' && n + 2 < sizeof digits)
            digits[n++] = (char)key;
        else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && n)
            n--;
        else if (key == '\n' || key == '\r' || key == KEY_ENTER)
            break;
        else if (key == ESCAPE || key == ERR)
            return;
        digits[n] = '\0';
    }
    sc->o->view.session = n ? atoi(digits) : PM_ALL_SESSIONS;
}

static bool scroll_by(struct screen *sc, int key)
{
    size_t page = PP_MAX(room(sc), (size_t)1);

    switch (key) {
    case KEY_DOWN:
        sc->top++;
        return true;
    case KEY_UP:
        sc->top -= sc->top > 0;
        return true;
    case KEY_NPAGE:
        sc->top += page;
        return true;
    case KEY_PPAGE:
        sc->top -= PP_MIN(sc->top, page);
        return true;
    case KEY_HOME:
        sc->top = 0;
        return true;
    case KEY_END:
        sc->top = sc->table.count; /* drawing goes back to the last page */
        return true;
    default:
        return false;
    }
}

/* The sort key whose column head is at `x`. */
static int head_key(const struct pm_columns *c, int x)
{
    static const char keys[] = "tafdbm";
    const int widths[] = {11,
                          c->allocs,
                          c->allocs_change + 3 + c->frees,
                          c->frees_change + 4 + c->diff,
                          1 + c->bytes,
                          c->bytes_change + 4 + c->per_alloc};

    for (size_t i = 0; i < PP_COUNT(widths); i++) {
        if (x < widths[i])
            return keys[i];
        x -= widths[i];
    }
    return 0;
}

static void on_mouse(struct screen *sc)
{
    MEVENT e;

    if (getmouse(&e) != OK)
        return;
    if (e.bstate & BUTTON4_PRESSED)
        (void)scroll_by(sc, KEY_UP);
    else if (e.bstate & BUTTON5_PRESSED)
        (void)scroll_by(sc, KEY_DOWN);
    else if (e.y == PM_HEADER_LINES - 2 && e.bstate & BUTTON1_PRESSED)
        (void)pm_view_key(&sc->o->view, head_key(&sc->columns, e.x));
    table_make(sc);
}

static void on_help_key(struct screen *sc, int key)
{
    if (key == ESCAPE || key == '?' || key == 'h')
        sc->is_help = false;
    if (key == 'q')
        sc->is_over = true;
}

/* Scrolling leaves the snapshot alone, so that the changes shown stay; any other key takes a new
 * one, as PoolMon does. */
static void on_key(struct screen *sc, int key)
{
    if (key == KEY_RESIZE)
        return; /* drawn anew in any case */
    if (sc->is_help) {
        on_help_key(sc, key);
        return;
    }
    if (key == KEY_MOUSE) {
        on_mouse(sc);
        return;
    }
    if (scroll_by(sc, key))
        return;
    if (key == 'q' || key == ESCAPE) {
        sc->is_over = true;
        return;
    }
    if (key == '?' || key == 'h')
        sc->is_help = true;
    else if (key == 'i')
        ask_session(sc);
    else if (pm_view_key(&sc->o->view, key))
        sc->top = 0;
    update(sc);
}

/* ---- Life ---- */

static void loop(struct screen *sc)
{
    uint64_t due = 0;

    while (!sc->is_over && !sc->err) {
        uint64_t now = now_ms();
        int key;

        if (now >= due) {
            update(sc);
            due = now + sc->o->interval_ms;
        }
        draw(sc);
        timeout((int)PP_MIN(due - PP_MIN(now, due), (uint64_t)60000));
        key = getch();
        if (key != ERR)
            on_key(sc, key);
    }
}

static void colors_start(void)
{
    if (!has_colors())
        return;
    (void)start_color();
    (void)use_default_colors(); /* the terminal's own background, where it can */
    (void)init_pair(COLOR_UP, COLOR_GREEN, -1);
    (void)init_pair(COLOR_DOWN, COLOR_RED, -1);
    (void)init_pair(COLOR_NOTICE, COLOR_YELLOW, -1);
}

int pm_screen_run(struct pm_options *o, char why[PP_WHY_SIZE])
{
    struct screen sc = {.o = o, .why = why};
    SCREEN *terminal;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        pp_fmt(why, PP_WHY_SIZE, "not a terminal: use --once, --csv, --json or /n");
        return -ENOTTY;
    }
    (void)setlocale(LC_CTYPE, "");
    set_escdelay(ESCAPE_MS);
    terminal = newterm(NULL, stdout, stdin);
    if (!terminal) {
        pp_fmt(why, PP_WHY_SIZE, "terminal %.60s: not known here (see TERM)",
               getenv("TERM") ? getenv("TERM") : "without a name");
        return -ENOTTY;
    }
    (void)cbreak();
    (void)noecho();
    (void)keypad(stdscr, TRUE);
    (void)curs_set(0);
    colors_start();
    if (o->mouse) {
        (void)mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
        (void)mouseinterval(0); /* a press counts at once: double clicks mean nothing here */
    }
    loop(&sc);
    (void)endwin();
    delscreen(terminal);
    pm_table_done(&sc.table);
    pm_snapshot_done(&sc.now);
    pm_snapshot_done(&sc.before);
    return sc.err;
}
