/* A plugin that does what its method says, and most of that is what plugins must not do.
 *
 * It has the plain symbol alone. Built by the tests with `cc`; macros make it wrong in other ways:
 * MAGIC, ABI, SIZE and CALL for its table, AT_LOAD for what it does when it is loaded, HELLO for what it does in `hello`. */
#define _GNU_SOURCE
#include "forgekeep_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#endif

#ifndef MAGIC
#define MAGIC "FORGEKP1"
#endif
#ifndef ABI
#define ABI 1
#endif
#ifndef SIZE
#define SIZE sizeof(fk_table)
#endif
#ifndef CALL
#define CALL call
#endif
static void hang(void) {
    for (;;) pause();
}

#ifdef AT_LOAD
__attribute__((constructor)) static void at_load(void) { AT_LOAD; }
#endif

static void give_back(uint8_t *ptr, size_t len, size_t context) {
    (void)len;
    (void)context;
    free(ptr);
}

static fk_bytes copy(const void *from, size_t len) {
    fk_bytes bytes = {malloc(len + 1), len, 0, give_back};
    memcpy(bytes.ptr, from, len);
    return bytes;
}

static void say(fk_answer *answer, const char *text) {
    answer->status = FK_RESULT;
    answer->doc = copy(text, strlen(text));
}

/* Whether something was allowed: the number of the error otherwise. */
static void tell(fk_answer *answer, long result) {
    char text[64];
    if (result == -1)
        snprintf(text, sizeof text, "errno %d", errno);
    else
        snprintf(text, sizeof text, "allowed");
    say(answer, text);
}

static fk_slice slice(const char *text) {
    fk_slice made = {(const uint8_t *)text, strlen(text)};
    return made;
}

static fk_answer ask(const fk_host *host, const char *method, fk_slice doc) {
    fk_request request = {sizeof request, 0, 0, 0, slice(method), doc, {NULL, 0}};
    fk_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.size = sizeof answer;
    host->call(host->context, &request, &answer);
    return answer;
}

static void release(fk_bytes bytes) {
    if (bytes.free) bytes.free(bytes.ptr, bytes.len, bytes.context);
}

static int overflow(volatile int depth) {
    volatile char room[4096];
    room[0] = (char)depth;
    return overflow(depth + 1) + room[0];
}

static void *exit_in_thread(void *unused) {
    (void)unused;
    exit(0);
}

static void *answer_42(void *unused) {
    (void)unused;
    return (void *)42;
}

static void *ask_http(void *host) {
    fk_answer answer = ask(host, "http", slice("{}"));
    release(answer.doc);
    release(answer.body);
    return NULL;
}

/* Sends the host a frame past the worker's own code, as code that was told to do so could: "<kind> <length> <document>",
 * the document filled up with blanks to its length. In one go with it, where that is the number of a call, an
 * answer to this. */
static void forge(const char *text, uint64_t answered) {
    char *rest;
    uint8_t kind = (uint8_t)strtol(text, &rest, 10);
    size_t length = (size_t)strtol(rest, &rest, 10), given = strlen(++rest);
    if (length < given) length = given;
    size_t most = 32 + length + (answered ? 32 + 2 : 0);
    uint8_t *frame = calloc(1, most);
    uint32_t whole = (uint32_t)(28 + length), doc = (uint32_t)length;
    memcpy(frame, &whole, 4);
    frame[4] = kind;
    memcpy(frame + 8, &doc, 4);
    memset(frame + 32, ' ', length);
    memcpy(frame + 32, rest, given);
    if (answered) {
        uint8_t *answer = frame + 32 + length;
        answer[0] = 28 + 2;
        answer[4] = 5;
        answer[5] = FK_RESULT;
        answer[8] = 2;
        memcpy(answer + 16, &answered, 8);
        memcpy(answer + 32, "{}", 2);
    }
    for (int fd = 10; fd < 1024; fd++)
        if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
            for (size_t done = 0; done < most;) {
                ssize_t written = write(fd, frame + done, most - done);
                if (written <= 0) break;
                done += (size_t)written;
            }
    free(frame);
}

/* Answers with a long document: "<length>|<beginning>|<unit>|<end>", the unit as often as it fits. */
static void fill(char *text, fk_answer *answer) {
    size_t most = (size_t)strtol(strtok(text, "|"), NULL, 10), at = 0;
    const char *begin = strtok(NULL, "|"), *unit = strtok(NULL, "|"), *end = strtok(NULL, "|");
    size_t each = strlen(unit), last = strlen(end);
    uint8_t *filled = malloc(most);
    memcpy(filled, begin, strlen(begin));
    for (at = strlen(begin); at + each + last <= most; at += each) memcpy(filled + at, unit, each);
    memcpy(filled + at, end, last);
    answer->status = FK_RESULT;
    answer->doc = (fk_bytes){filled, at + last, 0, give_back};
}

static long number(const char *text) { return strtol(text, NULL, 10); }

static void call(const fk_host *host, const fk_request *request, fk_answer *answer) {
    char method[64] = "";
    char text[4096]; /* the document */
    size_t length = request->method.len < 63 ? request->method.len : 63;
    memcpy(method, request->method.ptr, length);
    length = request->doc.len < sizeof text - 1 ? request->doc.len : sizeof text - 1;
    if (length) memcpy(text, request->doc.ptr, length);
    text[length] = 0;
#define IS(name) (strcmp(method, name) == 0)

#ifdef HELLO
    if (IS("hello")) HELLO;
#endif
    if (IS("hello")) return say(answer, "{}");
    if (IS("echo")) {
        answer->status = FK_RESULT;
        answer->doc = copy(request->doc.ptr, request->doc.len);
        answer->body = copy(request->body.ptr, request->body.len);
        return;
    }
    if (IS("fail")) {
        answer->status = FK_ERROR;
        answer->doc = copy("{\"why\":1}", 9);
        return;
    }
    /* How a process ends. */
    if (IS("exit")) exit((int)number(text));
    if (IS("exit-in-thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, exit_in_thread, NULL);
        pthread_join(thread, NULL);
    }
    if (IS("segv")) *(volatile int *)0 = 1;
    if (IS("abort")) abort();
    if (IS("overflow")) overflow(0);
    if (IS("hang")) hang();
    if (IS("stand-still")) {
        kill(getpid(), SIGSTOP);
        hang();
    }
    if (IS("leave-a-child")) {
        if (fork() == 0) {
            setsid();
            alarm(20);
            hang();
        }
        hang();
    }
    if (IS("close-and-hang")) {
        for (int fd = 3; fd < 1024; fd++)
            if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) close(fd);
        hang();
    }
    if (IS("garbage")) {
        for (int fd = 3; fd < 1024; fd++)
            if (write(fd, "garbage garbage garbage garbage garbage", 32) < 0) continue;
        hang();
    }
    if (IS("forge")) {
        forge(text, 0);
        return say(answer, "{}");
    }
    /* The host has made one call more than the plugin has seen: the one that loads it. */
    if (IS("forge-and-answer")) {
        forge(text, request->call + 1);
        hang();
    }
    if (IS("eat")) {
        long mib = 0;
        for (char *eaten; (eaten = malloc(1 << 20)); mib++) memset(eaten, 1, 1 << 20);
        fprintf(stderr, "no memory after %ld MiB\n", mib);
        abort();
    }
    /* What is printed. */
    if (IS("print")) {
        printf("%s\n", text);
        fflush(stdout);
        fprintf(stderr, "to standard error: %s\n", text);
        return say(answer, "{}");
    }
    if (IS("flood")) {
        for (int line = 0; line < 100000; line++)
            printf("a line of what nobody wants to read, number %d\n", line);
        fflush(stdout);
        return say(answer, "{}");
    }
    if (IS("read-stdin")) {
        char byte;
        return say(answer, read(0, &byte, 1) == 0 ? "nothing" : "something");
    }
    /* Answers against the rules. */
    if (IS("status")) {
        answer->status = (uint32_t)number(text);
        return;
    }
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
    if (IS("bytes")) {
        answer->status = FK_RESULT;
        answer->doc = copy("\xff\xfe{", 3);
        return;
    }
    if (IS("long")) {
        size_t most = (size_t)number(text);
        answer->status = FK_RESULT;
        answer->doc = (fk_bytes){calloc(most, 1), most, 0, give_back};
        return;
    }
    if (IS("fill")) return fill(text, answer);
    if (IS("bad-request")) {
        fk_request bad = {4, 0, 0, 0, slice("http"), slice("{}"), {NULL, 0}};
        fk_answer served = {sizeof served, 0, {NULL, 0, 0, NULL}, {NULL, 0, 0, NULL}};
        host->call(host->context, &bad, &served);
        return say(answer, "{}");
    }
    if (IS("null-request")) {
        host->call(host->context, NULL, NULL);
        return say(answer, "{}");
    }
    /* Requests. */
    if (IS("ask")) {
        fk_answer served = ask(host, text, slice("{\"asked\":1}"));
        char shown[256];
        snprintf(shown, sizeof shown, "%u %.*s", served.status, (int)served.doc.len,
                 served.doc.len ? (char *)served.doc.ptr : "");
        release(served.doc);
        release(served.body);
        return say(answer, shown);
    }
    if (IS("ask-long-name")) {
        size_t most = (size_t)number(text);
        char *name = calloc(most + 1, 1);
        memset(name, 'x', most);
        release(ask(host, name, slice("{}")).doc);
        free(name);
        return say(answer, "{}");
    }
    if (IS("ask-often")) {
        for (long times = number(text); times > 0; times--) release(ask(host, "state.get", slice("{}")).doc);
        return say(answer, "{}");
    }
    if (IS("log-often")) {
        for (long times = number(text); times > 0; times--) release(ask(host, "log", slice("{}")).doc);
        return say(answer, "{}");
    }
    if (IS("ask-from-threads")) {
        pthread_t threads[8];
        for (int n = 0; n < 8; n++) pthread_create(&threads[n], NULL, ask_http, (void *)host);
        for (int n = 0; n < 8; n++) pthread_join(threads[n], NULL);
        return say(answer, "{}");
    }
    /* What it has. */
    if (IS("getenv")) {
        const char *value = getenv(text);
        return say(answer, value ? value : "not set");
    }
    if (IS("thread")) {
        pthread_t thread;
        void *result = NULL;
        int failed = pthread_create(&thread, NULL, answer_42, NULL);
        if (!failed) pthread_join(thread, &result);
        return say(answer, result == (void *)42 ? "allowed" : "no thread");
    }
    if (IS("process")) {
        char shown[32];
        snprintf(shown, sizeof shown, "%d", getpid());
        return say(answer, shown);
    }
    if (IS("descriptor")) return tell(answer, fcntl((int)number(text), F_GETFD));
    if (IS("group")) return say(answer, getpgrp() == getpid() ? "its own" : "another's");
    if (IS("deaf")) {
        raise(SIGINT);
        raise(SIGTERM);
        raise(SIGHUP);
        return say(answer, "still here");
    }
    if (IS("core")) {
        struct rlimit limit;
        getrlimit(RLIMIT_CORE, &limit);
        return say(answer, limit.rlim_max == 0 ? "none" : "some");
    }
    /* What it must not get at. */
    if (IS("open")) return tell(answer, open(text, O_RDONLY));
    if (IS("write")) return tell(answer, open(text, O_WRONLY | O_CREAT, 0600));
    if (IS("unlink")) return tell(answer, unlink(text));
    if (IS("chmod")) return tell(answer, chmod(text, 0777));
    if (IS("socket")) return tell(answer, socket(AF_INET, SOCK_STREAM, 0));
    if (IS("unix-socket")) return tell(answer, socket(AF_UNIX, SOCK_STREAM, 0));
    if (IS("exec")) return tell(answer, execl("/bin/true", "true", (char *)NULL));
    if (IS("fork")) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        return tell(answer, child);
    }
    if (IS("kill-host")) return tell(answer, kill(getppid(), 0));
    if (IS("session")) return tell(answer, setsid());
#ifdef __linux__
    char path[64];
    if (IS("host-environment") || IS("host-memory")) {
        snprintf(path, sizeof path, "/proc/%d/%s", getppid(), IS("host-memory") ? "mem" : "environ");
        return tell(answer, open(path, O_RDONLY));
    }
    if (IS("ptrace-host")) return tell(answer, ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
    if (IS("limit-host")) {
        struct rlimit limit = {1, 1};
        return tell(answer, syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &limit));
    }
    if (IS("raise-limit")) {
        struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
        return tell(answer, setrlimit(RLIMIT_DATA, &limit));
    }
    if (IS("io-uring")) {
        char params[256] = {0};
        return tell(answer, syscall(425, 1, params));
    }
    if (IS("pidfd")) return tell(answer, syscall(434, getppid(), 0));
    if (IS("stack")) {
        struct rlimit limit;
        getrlimit(RLIMIT_STACK, &limit);
        return say(answer, limit.rlim_max <= 8 << 20 ? "limited" : "without limit");
    }
    /* What no limit of data counts. */
    if (IS("growing-memory")) {
        void *grown = mmap(NULL, 256 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
        return tell(answer, grown == MAP_FAILED ? -1 : 0);
    }
    if (IS("moved-stack")) {
        char room[64 << 10]; /* a page of it, which nobody else needs */
        char *page = (char *)(((uintptr_t)room + (32 << 10)) & ~(uintptr_t)4095);
        void *moved = mremap(page, 4096, 256 << 20, MREMAP_MAYMOVE);
        return tell(answer, moved == MAP_FAILED ? -1 : 0);
    }
    if (IS("socket-pair")) {
        int ends[2];
        return tell(answer, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    }
    if (IS("reallocate")) {
        /* What the C library does instead of moving pages. */
        size_t length = 1 << 20;
        char *bytes = malloc(length);
        memset(bytes, 7, length);
        bytes = realloc(bytes, 4 * length);
        for (size_t n = 0; bytes && n < length; n++)
            if (bytes[n] != 7) return say(answer, "other bytes");
        free(bytes);
        return say(answer, bytes ? "allowed" : "no memory");
    }
    if (IS("capabilities")) {
        uint32_t head[2] = {0x20080522, 0}, sets[6] = {0};
        if (syscall(SYS_capget, head, sets)) return say(answer, "not told");
        for (int n = 0; n < 6; n++)
            if (sets[n]) return say(answer, "some");
        return say(answer, "none");
    }
    if (IS("memfd")) return tell(answer, syscall(SYS_memfd_create, "more", 0));
    if (IS("shared-memory")) {
        void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return tell(answer, shared == MAP_FAILED ? -1 : 0);
    }
    if (IS("signal-by-pipe")) {
        int ends[2];
        return tell(answer, pipe(ends) ? 0 : fcntl(ends[0], F_SETOWN, getppid()));
    }
    if (IS("survive")) return tell(answer, prctl(PR_SET_PDEATHSIG, 0));
    if (IS("x32")) return tell(answer, syscall(0x40000000 + 39));
#endif
    /* Otherwise nothing is answered. */
}

static void drop(const fk_host *host, uint64_t object) {
    (void)host;
    if (object == 7) hang();
    if (object == 8) exit(8);
}

const fk_table forgekeep_plugin_1 = {MAGIC, ABI, SIZE, CALL, drop};
