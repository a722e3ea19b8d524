/* Forgekeep's plugin ABI 1. Frozen: this file never changes.
 *
 * A plugin is a shared library named libforgekeep_hoster_<id>.so (.dylib; forgekeep_hoster_<id>.dll)
 * that exports one variable, forgekeep_plugin_1. A call carries the name of a method, a document (JSON)
 * and raw bytes. What the methods are called and what the documents mean is not of the ABI, but of the
 * protocol that both sides agree upon with the method hello.
 *
 * Rules
 *
 * 1. size is what its maker knows. Nobody uses a field beyond it. The caller zeroes an answer apart from
 *    size; the callee writes nothing beyond it. A status other than FK_RESULT and FK_ERROR is a broken
 *    plugin; from the host it means that it does not know the method.
 * 2. Request, slices and host are valid until the call returns. Within a call, the host's call may be
 *    used from any thread, several at a time; all of them have returned before the call returns. The
 *    host never calls the plugin from inside of its own call.
 * 3. Bytes belong to the receiver, also with FK_ERROR. They are freed exactly once, by their own free
 *    with the same three values, from any thread, at any time: libraries are never unloaded. Where len
 *    is 0, ptr is not looked at. A len over PTRDIFF_MAX is a broken plugin.
 * 4. The plugin's call may be entered from several threads at once, also for one object. Forgekeep's
 *    SDK lets them in one at a time for each object, unless the manifest says otherwise (concurrency);
 *    a plugin without the SDK sees to that itself.
 * 5. Object 0 is the plugin itself. Other ids are the plugin's, from 1 to 2^53 - 1, never used twice in
 *    a process. drop comes once, never during a call on its object, and never for 0.
 * 6. Nothing unwinds across, either way: no exception, no panic, no longjmp. Each side catches on its
 *    own.
 * 7. The host looks at the file, opens the library, and finds the variable by its name; then magic and
 *    abi have to be as below. Where the library has a header of abi_stable besides, as those of the SDK
 *    have, and it can be read, its module has to give the same table. A library in C needs none.
 * 8. Any change of these structs is forgekeep_plugin_2 beside them. A plugin may export both. Every
 *    protocol that was released is served for as long as ABI 1 is. */
#ifndef FORGEKEEP_PLUGIN_H
#define FORGEKEEP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns, for the duration of a call. len 0: ptr is not looked at. */
typedef struct {
    const uint8_t *ptr;
    size_t len;
} fk_slice;

/* Bytes that are handed over, and freed once by their own free with the same values. NULL: nothing
 * to free. */
typedef struct {
    uint8_t *ptr;
    size_t len;
    size_t context;
    void (*free)(uint8_t *ptr, size_t len, size_t context);
} fk_bytes;

typedef struct {
    uint32_t size;   /* sizeof(fk_request), as the caller knows it */
    uint32_t flags;  /* 0 */
    uint64_t object; /* 0: the plugin */
    uint64_t call;   /* number of the call; to the host, of the call it is made within */
    fk_slice method; /* UTF-8 */
    fk_slice doc;    /* a JSON object, UTF-8 */
    fk_slice body;   /* raw bytes */
} fk_request;

enum { FK_NOT_ANSWERED = 0, FK_RESULT = 1, FK_ERROR = 2 };

typedef struct {
    uint32_t size;   /* sizeof(fk_answer), as the caller knows it */
    uint32_t status; /* FK_... */
    fk_bytes doc;    /* a JSON object, UTF-8 */
    fk_bytes body;   /* raw bytes */
} fk_answer;

typedef struct {
    uint32_t size;
    uint32_t abi; /* 1 */
    const void *context;
    void (*call)(const void *context, const fk_request *request, fk_answer *answer);
} fk_host;

typedef struct {
    uint8_t magic[8]; /* "FORGEKP1", without a terminating zero */
    uint32_t abi;     /* 1 */
    uint32_t size;    /* sizeof(fk_table) */
    void (*call)(const fk_host *host, const fk_request *request, fk_answer *answer);
    void (*drop)(const fk_host *host, uint64_t object);
} fk_table;

extern const fk_table forgekeep_plugin_1;

#endif
