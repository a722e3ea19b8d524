/* A plugin whose answers are bytes of its own: what the SDK would never write.
 *
 * It is well-behaved but for what its source's name says; `CASES` below has the names. Macros: PLUGIN_ID, the
 * manifest's id; PANIC, what its hello says of panics; AT_LOAD, what it does when it is loaded; BASE, where
 * clones come from. */
#include "forgekeep_plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "raw"
#endif
#ifndef PANIC
#define PANIC "none"
#endif
#ifndef BASE
#define BASE "https://raw.example"
#endif

/* Bytes of the longest document. */
#define MOST (32u << 20)

#ifdef AT_LOAD
__attribute__((constructor)) static void at_load(void) { AT_LOAD; }
#endif

/* The name of the source: there is one in a process. */
static char name[64] = "";

static void give_back(uint8_t *ptr, size_t len, size_t context) {
    (void)len;
    (void)context;
    free(ptr);
}

static void answer_with(fk_answer *answer, uint32_t status, const void *bytes, size_t length) {
    answer->status = status;
    answer->doc = (fk_bytes){malloc(length + 1), length, 0, give_back};
    memcpy(answer->doc.ptr, bytes, length);
}

static void say(fk_answer *answer, const char *text) { answer_with(answer, FK_RESULT, text, strlen(text)); }

static void fail(fk_answer *answer, const char *text) { answer_with(answer, FK_ERROR, text, strlen(text)); }

/* Answers with a unit as often as it fits into so many bytes, between a beginning and an end. */
static void fill(fk_answer *answer, size_t most, const char *begin, const char *unit, const char *end) {
    size_t each = strlen(unit), last = strlen(end), at = strlen(begin);
    uint8_t *filled = malloc(most);
    if (!filled) abort();
    memcpy(filled, begin, at);
    for (; at + each + last <= most; at += each) memcpy(filled + at, unit, each);
    memcpy(filled + at, end, last);
    answer->status = FK_RESULT;
    answer->doc = (fk_bytes){filled, at + last, 0, give_back};
}

/* A page of one repository, with fields of a name in it and around it. */
#define PAGE(of_repository, of_part, of_page)                                                                     \
    "{\"repositories\":[{\"id\":\"1\",\"fullName\":\"acme/one\"," of_repository "\"parts\":[{" of_part "\"url\":\"" \
    BASE "/acme/one.git\"}]}]" of_page "}"

#define GOOD PAGE("", "", "")

/* Answers to `list`, by the source's name. */
static const struct {
    const char *name, *page;
} CASES[] = {
    {"good", GOOD},
    /* Words that there are not, where they inform. */
    {"words", PAGE("\"visibility\":\"hologram\",\"refs\":[{\"pattern\":\"*\",\"advice\":\"dance\"}],", "",
                   ",\"owners\":[{\"id\":\"o\",\"name\":\"acme\",\"sees\":\"through\"}],"
                   "\"notes\":[{\"severity\":\"shout\",\"message\":\"of unknown severity\"}]")},
    /* Fields that there are not, at each place. */
    {"extras", PAGE("\"smell\":[1,{\"of\":null}],", "\"weight\":1.5e300,", ",\"extras\":{\"a\":{\"b\":[]}}")},
    {"required", PAGE("", "", ",\"requires\":[\"time-travel\"]")},
    {"utf8", PAGE("\"handle\":\"\xff\xfe\",", "", "")},
    {"surrogate", PAGE("\"handle\":\"\\ud800\",", "", "")},
    {"twice", PAGE("\"archived\":false,\"archived\":true,", "", "")},
    {"integer", PAGE("", "", ",\"total\":9007199254740992")},
    {"negative", PAGE("", "", ",\"total\":-1")},
    {"type", PAGE("\"archived\":\"yes\",", "", "")},
    {"control", PAGE("\"handle\":\"line\nbreak\",", "", "")},
    {"names", "{\"repositories\":[{\"id\":\"1\",\"fullName\":\"acme/nul\\u0000\\u001b[2J\\r\\nforged: \\u202eone\","
              "\"parts\":[{\"url\":\"" BASE "/acme/one.git\"}]}]}"},
    {"no-object", "[]"},
    {"cut", "{\"repositories\":[{\"id\":\"1\""},
    {"empty", ""},
    /* Bytes that cannot be, status and numbers of objects are below; access is GOOD. */
    {"access-word", GOOD},
    {"access-extras", GOOD},
    {"access-twice", GOOD},
};

static void list(fk_answer *answer) {
    for (size_t n = 0; n < sizeof CASES / sizeof *CASES; n++)
        if (strcmp(name, CASES[n].name) == 0) return say(answer, CASES[n].page);
#define IS(text) (strcmp(name, text) == 0)
    if (IS("nul")) {
        static const char page[] = "{\"repositories\":[{\"id\":\"1\",\"fullName\":\"acme/\0one\"}]}";
        return answer_with(answer, FK_RESULT, page, sizeof page - 1);
    }
    if (IS("deep")) {
        char page[200] = "{\"x\":";
        for (int depth = 1; depth < 65; depth++) strcat(page, "[");
        for (int depth = 1; depth < 65; depth++) strcat(page, "]");
        return say(answer, strcat(page, "}"));
    }
    if (IS("pages-of-notes")) {
        static int number = 0;
        char *begin = malloc(3000), *unit = malloc(3000), end[64];
        snprintf(begin, 3000, "{\"notes\":[");
        snprintf(unit, 3000, "{\"severity\":\"warning\",\"message\":\"%02000d\"},", number);
        snprintf(end, sizeof end, "{}],\"next\":\"%d\"}", ++number);
        if (number > 200) return say(answer, GOOD);
        fill(answer, 1 << 20, begin, unit, end);
        free(begin);
        free(unit);
        return;
    }
    if (IS("many-entries")) return fill(answer, MOST, "{\"repositories\":[", "{},", "{}]}");
    if (IS("many-notes"))
        return fill(answer, MOST, "{\"notes\":[", "{\"message\":\"a note of many\"},", "{}]}");
    if (IS("1001-notes")) return fill(answer, 19 + 1001 * 3, "{\"notes\":[", "{},", "{}]}");
    if (IS("warnings"))
        return fill(answer, 14 + 900 * 37, "{\"notes\":[", "{\"severity\":\"warning\",\"message\":\"x\"},", "{}]}");
    if (IS("long-string")) return fill(answer, MOST, "{\"next\":\"", "x", "\"}");
    if (IS("over-long")) return fill(answer, MOST + 64, "{\"next\":\"", "x", "\"}");
    if (IS("500-mb")) return fill(answer, 500000000, "{\"next\":\"", "x", "\"}");
    if (IS("endless")) {
        static uint8_t byte;
        answer->status = FK_RESULT;
        answer->doc = (fk_bytes){&byte, SIZE_MAX, 0, NULL};
        return;
    }
    if (IS("null")) {
        answer->status = FK_RESULT;
        answer->doc = (fk_bytes){NULL, 5, 0, NULL};
        return;
    }
    if (IS("status-9")) return answer_with(answer, 9, "{}", 2);
    if (IS("status-0")) return;
    if (IS("error-bytes")) return fail(answer, "\xff");
    if (IS("error-word")) return fail(answer, "{\"kind\":\"flux\",\"concerns\":\"nobody\",\"message\":\"odd\"}");
    say(answer, GOOD);
}

static void open_source(fk_answer *answer) {
    if (IS("object-0")) return say(answer, "{\"object\":0}");
    if (IS("object-none")) return say(answer, "{}");
    if (IS("object-text")) return say(answer, "{\"object\":\"1\"}");
    if (IS("object-2-53")) return say(answer, "{\"object\":9007199254740992}");
    if (IS("object-2-64")) return say(answer, "{\"object\":18446744073709551616}");
    say(answer, "{\"object\":9007199254740991}");
}

static void access_to(fk_answer *answer) {
    if (IS("access-word")) return say(answer, "{\"kind\":\"hologram\"}");
    if (IS("access-twice")) return say(answer, "{\"kind\":\"none\",\"kind\":\"none\"}");
    if (IS("access-extras")) return say(answer, "{\"kind\":\"none\",\"smell\":{\"of\":[\"roses\"]}}");
    say(answer, "{\"kind\":\"none\"}");
}

/* Keeps the name of the source that a document describes. */
static void remember(fk_slice doc) {
    static const char key[] = "\"name\":\"";
    for (size_t at = 0; at + sizeof key < doc.len; at++) {
        if (memcmp(doc.ptr + at, key, sizeof key - 1) != 0) continue;
        const uint8_t *from = doc.ptr + at + sizeof key - 1;
        size_t length = 0;
        while (length < sizeof name - 1 && from + length < doc.ptr + doc.len && from[length] != '"') length++;
        memcpy(name, from, length);
        name[length] = 0;
        return;
    }
}

static void call(const fk_host *host, const fk_request *request, fk_answer *answer) {
    (void)host;
    char method[32] = "";
    memcpy(method, request->method.ptr, request->method.len < 31 ? request->method.len : 31);
    if (strcmp(method, "hello") == 0)
        return say(answer, "{\"protocols\":{\"from\":1,\"to\":1},\"smell\":\"roses\","
                           "\"built\":{\"sdk\":\"none\",\"panic\":\"" PANIC "\",\"target\":\"c\",\"by\":{}}}");
    if (strcmp(method, "manifest") == 0)
        return say(answer, "{\"id\":\"" PLUGIN_ID "\",\"version\":\"1.0.0\",\"apiUrl\":\"" BASE "\","
                           "\"colour\":[\"red\"]}");
    if (strcmp(method, "validate") == 0) return remember(request->doc), say(answer, "{}");
    if (strcmp(method, "open") == 0) return remember(request->doc), open_source(answer);
    if (strcmp(method, "list") == 0) return list(answer);
    if (strcmp(method, "access") == 0) return access_to(answer);
    if (strcmp(method, "lookup") == 0) return say(answer, "{\"state\":\"lost\"}");
    fail(answer, "{\"kind\":\"unsupported\",\"message\":\"no such method\"}");
}

static void drop(const fk_host *host, uint64_t object) {
    (void)host;
    (void)object;
}

const fk_table forgekeep_plugin_1 = {{'F', 'O', 'R', 'G', 'E', 'K', 'P', '1'}, 1, sizeof(fk_table), call, drop};
