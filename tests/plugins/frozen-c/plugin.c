/* FROZEN. A small hoster plugin in C as it was written for ABI 1 and protocol 1, by the plain symbol alone.
 *
 * It uses nothing of this repository but the header beside it, which is a copy. Every later Forgekeep has
 * to run it as it is: it is never edited. What a later protocol adds gets a plugin of its own, beside this one.
 *
 * The hoster has two repositories for every name. The first one is what the API gives first at
 * <apiUrl>/2.0/repositories/<name>, and can be fetched from <cloneUrl, or apiUrl>/<full name>.git; the
 * second one is made up, and is to be skipped.
 *
 * Macros: PLUGIN_ID, the manifest's id; PROTOCOL_FROM and PROTOCOL_TO, the protocols that it says it speaks. */
#include "forgekeep_plugin.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "frozen-c"
#endif
#ifndef PROTOCOL_FROM
#define PROTOCOL_FROM 1
#endif
#ifndef PROTOCOL_TO
#define PROTOCOL_TO 1
#endif

/* Text. */

static void out_of_memory(void) {
    fputs("frozen-c: no memory is left\n", stderr);
    abort();
}

/* printf into memory of its own. */
static char *form(const char *format, ...) {
    va_list values, again;
    va_start(values, format);
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, values);
    char *text = malloc((size_t)length + 1);
    if (!text) out_of_memory();
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(values);
    va_end(again);
    return text;
}

static fk_slice slice(const char *text) {
    fk_slice made = {(const uint8_t *)text, strlen(text)};
    return made;
}

static int equals(fk_slice bytes, const char *text) {
    size_t length = strlen(text);
    return bytes.len == length && (length == 0 || memcmp(bytes.ptr, text, length) == 0);
}

/* JSON: as much of a reader as is needed, for documents that are known to be sound. */

static size_t past_blanks(fk_slice doc, size_t at) {
    while (at < doc.len && strchr(" \t\r\n", doc.ptr[at]) && doc.ptr[at]) at++;
    return at;
}

/* Where a string ends that begins at this quote: behind its last quote. */
static size_t past_string(fk_slice doc, size_t at) {
    for (at++; at < doc.len && doc.ptr[at] != '"'; at++)
        if (doc.ptr[at] == '\\') at++;
    return at < doc.len ? at + 1 : doc.len;
}

/* From a key's value on, the rest of the object that a text begins with; empty without the key. */
static fk_slice find(fk_slice object, const char *key) {
    fk_slice rest = {NULL, 0};
    int depth = 0;
    for (size_t at = past_blanks(object, 0); at < object.len; at++) {
        uint8_t byte = object.ptr[at];
        if (byte == '{' || byte == '[') depth++;
        if (byte == '}' || byte == ']') depth--;
        if (depth == 0) break;
        if (byte != '"') continue;
        size_t end = past_string(object, at), colon = past_blanks(object, end);
        fk_slice name = {object.ptr + at + 1, end >= at + 2 ? end - at - 2 : 0};
        if (depth == 1 && colon < object.len && object.ptr[colon] == ':' && equals(name, key)) {
            size_t value = past_blanks(object, colon + 1);
            rest.ptr = object.ptr + value;
            rest.len = object.len - value;
            break;
        }
        at = end - 1;
    }
    return rest;
}

/* From the first element on, the rest of the list that a text begins with; empty if it has none. */
static fk_slice first_of(fk_slice list) {
    fk_slice rest = {NULL, 0};
    if (list.len == 0 || list.ptr[0] != '[') return rest;
    size_t at = past_blanks(list, 1);
    if (at >= list.len || list.ptr[at] == ']') return rest;
    rest.ptr = list.ptr + at;
    rest.len = list.len - at;
    return rest;
}

/* The value that a text begins with: of a string what is between its quotes, as it is escaped there, so that it
 * can stand in another document; of anything else its word. Empty for null. To be freed. */
static char *value(fk_slice rest) {
    if (rest.len == 0) return form("");
    if (rest.ptr[0] == '"') {
        size_t end = past_string(rest, 0);
        return form("%.*s", end >= 2 ? (int)(end - 2) : 0, (const char *)rest.ptr + 1);
    }
    size_t end = 0;
    while (end < rest.len && !strchr(",}] \t\r\n", rest.ptr[end])) end++;
    char *word = form("%.*s", (int)end, (const char *)rest.ptr);
    if (strcmp(word, "null") == 0) word[0] = 0;
    return word;
}

static char *field(fk_slice doc, const char *key) { return value(find(doc, key)); }

/* Answers. */

static void give_back(uint8_t *ptr, size_t len, size_t context) {
    /* The values come back as they went. */
    if (context != len + 1) abort();
    free(ptr);
}

/* Hands a text over, which was allocated. */
static void answer_with(fk_answer *answer, uint32_t status, char *text) {
    size_t length = strlen(text);
    fk_bytes doc = {(uint8_t *)text, length, length + 1, give_back};
    answer->status = status;
    answer->doc = doc;
}

static void result(fk_answer *answer, char *text) { answer_with(answer, FK_RESULT, text); }

/* What it concerns may be NULL: what was asked for. */
static void fail(fk_answer *answer, const char *kind, const char *message, const char *concerns) {
    answer_with(answer, FK_ERROR,
                form("{\"kind\":\"%s\",\"message\":\"%s\",%s%s%s\"permanent\":true}", kind, message,
                     concerns ? "\"concerns\":\"" : "", concerns ? concerns : "", concerns ? "\"," : ""));
}

static void release(fk_bytes bytes) {
    if (bytes.free) bytes.free(bytes.ptr, bytes.len, bytes.context);
}

/* Objects: the sources that are open. */

struct source {
    uint64_t object;
    char *name, *api_url, *clone_url, *user, *api_user, *password;
    struct source *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct source *sources = NULL;
static uint64_t last_object = 0;

/* What it gives stays until the object is dropped, which never happens during a call on it. */
static struct source *source_of(uint64_t object) {
    pthread_mutex_lock(&lock);
    struct source *found = sources;
    while (found && found->object != object) found = found->next;
    pthread_mutex_unlock(&lock);
    return found;
}

static void free_source(struct source *source) {
    free(source->name);
    free(source->api_url);
    free(source->clone_url);
    free(source->user);
    free(source->api_user);
    free(source->password);
    free(source);
}

/* The text in a field, or another one where it is empty. */
static char *field_or(fk_slice doc, const char *key, const char *otherwise) {
    char *text = field(doc, key);
    if (text[0]) return text;
    free(text);
    return form("%s", otherwise);
}

static void open_source(fk_slice doc, fk_answer *answer) {
    struct source *source = calloc(1, sizeof *source);
    if (!source) out_of_memory();
    source->name = field(doc, "name");
    source->api_url = field(doc, "apiUrl");
    source->clone_url = field_or(find(doc, "options"), "cloneUrl", source->api_url);
    source->user = field(doc, "authName");
    source->api_user = field_or(doc, "apiAuthName", source->user);
    source->password = field(find(doc, "secrets"), "password");
    if (!source->name[0]) {
        free_source(source);
        fail(answer, "not-found", "a source needs a name", "source");
        return;
    }
    pthread_mutex_lock(&lock);
    source->object = ++last_object;
    source->next = sources;
    sources = source;
    unsigned long long object = source->object;
    pthread_mutex_unlock(&lock);
    result(answer, form("{\"object\":%llu}", object));
}

/* The plugin's own methods. */

static void hello(fk_answer *answer) {
    result(answer, form("{\"protocols\":{\"from\":%d,\"to\":%d},\"features\":[],"
                        "\"built\":{\"sdk\":\"none\",\"target\":\"c\"}}",
                        PROTOCOL_FROM, PROTOCOL_TO));
}

static void manifest(fk_answer *answer) {
    result(answer, form("{\"id\":\"%s\",\"version\":\"1.0.0\",\"authors\":[\"The Forgekeep developers\"],"
                        "\"description\":\"Two repositories for every name, in C\","
                        "\"types\":[\"user\",\"org\"],\"apiUrl\":\"https://api.frozen.example\","
                        "\"trustedOrigins\":[\"https://git.frozen.example\"],"
                        "\"options\":[{\"name\":\"cloneUrl\",\"kind\":\"text\","
                        "\"description\":\"Where clones come from; apiUrl by default\",\"trustedOrigin\":true}],"
                        "\"attributes\":[\"visibility\",\"archived\"]}",
                        PLUGIN_ID));
}

static void validate(fk_slice doc, fk_answer *answer) {
    char *name = field(doc, "name");
    result(answer, form("{\"findings\":[%s]}",
                        name[0] ? ""
                                : "{\"severity\":\"error\",\"key\":\"name\",\"message\":\"a source needs a name\","
                                  "\"hint\":\"set `name`\"}"));
    free(name);
}

/* An object's methods. */

static char *auth(const char *user, const char *password) {
    if (!password[0]) return form("{\"kind\":\"none\"}");
    return form("{\"kind\":\"basic\",\"user\":\"%s\",\"secret\":\"%s\"}", user, password);
}

static void check(const struct source *source, fk_answer *answer) {
    result(answer, form("{\"identity\":\"%s\",\"visible\":2,\"private\":1,\"findings\":[{\"severity\":\"info\","
                        "\"message\":\"one of them is made up\"}]}",
                        source->api_user[0] ? source->api_user : "nobody"));
}

static void first_page(const fk_host *host, uint64_t call, const struct source *source, fk_answer *answer) {
    char *credentials = auth(source->api_user, source->password);
    char *asked = form("{\"method\":\"GET\",\"url\":\"%s/2.0/repositories/%s?pagelen=1\",\"auth\":%s,"
                       "\"headers\":[{\"name\":\"accept\",\"value\":\"application/json\"}]}",
                       source->api_url, source->name, credentials);
    fk_request request = {sizeof request, 0, 0, call, slice("http"), slice(asked), {NULL, 0}};
    fk_answer served;
    memset(&served, 0, sizeof served);
    served.size = sizeof served;
    host->call(host->context, &request, &served);
    free(asked);
    free(credentials);

    fk_slice doc = {served.doc.ptr, served.doc.len}, body = {served.body.ptr, served.body.len};
    if (served.status == FK_ERROR) {
        /* The host's own error says it best. */
        result(answer, form("%.*s", (int)doc.len, doc.len ? (const char *)doc.ptr : ""));
        answer->status = FK_ERROR;
    } else if (served.status != FK_RESULT) {
        fail(answer, "unsupported", "the host makes no requests by HTTP", "source");
    } else {
        char *status = field(doc, "status"), *full_name = field(first_of(find(body, "values")), "full_name");
        if (strcmp(status, "200") != 0)
            fail(answer, "unavailable", "the API did not answer with status 200", "source");
        else if (!full_name[0])
            fail(answer, "bad-answer", "the API's answer has no full_name", "source");
        else
            result(answer,
                   form("{\"repositories\":[{\"id\":\"1\",\"handle\":\"first\",\"fullName\":\"%s\","
                        "\"visibility\":\"private\",\"owner\":{\"id\":\"o1\",\"name\":\"%s\"},"
                        "\"parts\":[{\"url\":\"%s/%s.git\"}]}],\"next\":\"2\",\"total\":2,"
                        "\"owners\":[{\"id\":\"o1\",\"name\":\"%s\",\"sees\":\"all\"}]}",
                        full_name, source->name, source->clone_url, full_name, source->name));
        free(status);
        free(full_name);
    }
    release(served.doc);
    release(served.body);
}

static char *second(const struct source *source) {
    return form("{\"id\":\"2\",\"handle\":\"second\",\"fullName\":\"%s/second\",\"visibility\":\"public\","
                "\"archived\":true,\"owner\":{\"id\":\"o1\",\"name\":\"%s\"},"
                "\"skip\":\"it is made up\"}",
                source->name, source->name);
}

static void list(const fk_host *host, uint64_t call, const struct source *source, fk_slice doc,
                 fk_answer *answer) {
    char *cursor = field(doc, "cursor");
    if (!cursor[0]) {
        first_page(host, call, source, answer);
    } else if (strcmp(cursor, "2") == 0) {
        char *repository = second(source);
        result(answer, form("{\"repositories\":[%s],\"total\":2,\"notes\":[{\"severity\":\"info\","
                            "\"message\":\"this is the last page\"}]}",
                            repository));
        free(repository);
    } else {
        fail(answer, "bad-answer", "there is no page with this cursor", "source");
    }
    free(cursor);
}

static void access_to(const struct source *source, fk_slice doc, fk_answer *answer) {
    char *deed = field_or(doc, "deed", "fetch"), *refused = field(doc, "refusedBefore");
    if (strcmp(deed, "fetch") != 0)
        fail(answer, "forbidden", "it can only be fetched from", "repository");
    else if (strcmp(refused, "true") == 0)
        fail(answer, "credentials", "there are no other credentials", "source");
    else
        result(answer, auth(source->user, source->password));
    free(deed);
    free(refused);
}

static void lookup(const struct source *source, fk_slice doc, fk_answer *answer) {
    char *id = field(doc, "id");
    if (strcmp(id, "2") == 0) {
        char *repository = second(source);
        result(answer, form("{\"state\":\"present\",\"repository\":%s}", repository));
        free(repository);
    } else if (strcmp(id, "3") == 0) {
        result(answer, form("{\"state\":\"deleted\",\"proof\":\"the third one was never made\"}"));
    } else {
        result(answer, form("{\"state\":\"hidden\"}"));
    }
    free(id);
}

/* The entrance. */

/* Whether a document requires anything: nothing that could be is known here. */
static int requires_something(fk_slice doc) {
    return first_of(find(doc, "requires")).len > 0;
}

static void call(const fk_host *host, const fk_request *request, fk_answer *answer) {
    fk_slice method = request->method, doc = request->doc;
    int is_plugin = request->object == 0;
    const struct source *source = is_plugin ? NULL : source_of(request->object);
    if (requires_something(doc))
        fail(answer, "unsupported", "the document requires what is not known here", NULL);
    else if (!is_plugin && !source)
        fail(answer, "plugin", "there is no such object", "source");
    else if (is_plugin && equals(method, "hello"))
        hello(answer);
    else if (is_plugin && equals(method, "manifest"))
        manifest(answer);
    else if (is_plugin && equals(method, "validate"))
        validate(doc, answer);
    else if (is_plugin && equals(method, "open"))
        open_source(doc, answer);
    else if (!is_plugin && equals(method, "check"))
        check(source, answer);
    else if (!is_plugin && equals(method, "list"))
        list(host, request->call, source, doc, answer);
    else if (!is_plugin && equals(method, "access"))
        access_to(source, doc, answer);
    else if (!is_plugin && equals(method, "lookup"))
        lookup(source, doc, answer);
    else
        fail(answer, "unsupported", "there is no such method", NULL);
}

static void drop(const fk_host *host, uint64_t object) {
    (void)host;
    pthread_mutex_lock(&lock);
    struct source **place = &sources, *dropped;
    while (*place && (*place)->object != object) place = &(*place)->next;
    dropped = *place;
    if (dropped) *place = dropped->next;
    pthread_mutex_unlock(&lock);
    if (dropped) free_source(dropped);
}

const fk_table forgekeep_plugin_1 = {{'F', 'O', 'R', 'G', 'E', 'K', 'P', '1'}, 1, sizeof(fk_table), call, drop};
