//! A filter for system calls: what a plugin has no business with is refused with `EPERM`.
//!
//! A list of what is refused, not of what is allowed: which calls a C library makes for memory, threads
//! and time differs from one to the next.

use libc::{sock_filter, sock_fprog};

/// Where the kernel has number, architecture and arguments of a call: `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

#[cfg(target_arch = "x86_64")]
const NATIVE: Option<u32> = Some(0xC000_003E);
#[cfg(target_arch = "aarch64")]
const NATIVE: Option<u32> = Some(0xC000_00B7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const NATIVE: Option<u32> = None;

/// Bit of the calls of x32, the other way to make calls on x86-64.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Refused whatever the arguments are.
const REFUSED: &[libc::c_long] = &[
    // The network has one door, which is the host's.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Does what other calls do, past this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes: their memory, their descriptors, their end.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setaffinity,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setpgid,
    libc::SYS_setsid,
    // Memory, semaphores and messages that other processes share by a key.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    // Memory that is not counted for the limit of data.
    libc::SYS_memfd_create,
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // The limits it was given.
    libc::SYS_setrlimit,
    // Landlock lets pass what changes a file's owner, mode, times and attributes.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    FCHMODAT2,
    SETXATTRAT,
    REMOVEXATTRAT,
    FILE_SETATTR,
    // The system itself.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_inotify_add_watch,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_personality,
    libc::SYS_vhangup,
];

// Too new for some C libraries' lists; the numbers are the same on all architectures.
const FCHMODAT2: libc::c_long = 452;
const SETXATTRAT: libc::c_long = 463;
const REMOVEXATTRAT: libc::c_long = 466;
const OPEN_TREE_ATTR: libc::c_long = 467;
const FILE_SETATTR: libc::c_long = 469;

/// The old calls of x86-64, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Terminals: what is typed for others to read, and the console's own calls.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541C;

/// The same as `F_SETOWN`.
const FIOSETOWN: u32 = 0x8901;
const SIOCSPGRP: u32 = 0x8902;

/// Commands of `fcntl` that libc does not name.
const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;

/// `mmap` of memory that grows by itself: as the stack does, outside the limit of data.
const GROWING: u32 = libc::MAP_GROWSDOWN as u32;

/// `mmap` of memory that processes share, by whichever of the two names.
const SHARED_ANONYMOUS: u32 = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u32;

/// `clone`: a thread, and nothing apart.
const THREAD: u32 = libc::CLONE_THREAD as u32;
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u32;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

const fn refuse(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | (errno as u32 & libc::SECCOMP_RET_DATA)
}

/// From now on this thread, and those that it starts, get `EPERM` for what is refused. It needs to have
/// given up new privileges.
pub(super) fn install() -> Result<(), String> {
    let Some(native) = NATIVE else {
        return Err("no filter is known for this processor".to_owned());
    };
    let filter = filter(native, std::process::id());
    let program = sock_fprog {
        len: u16::try_from(filter.len()).map_err(|error| error.to_string())?,
        filter: filter.as_ptr().cast_mut(),
    };
    set(&program).map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENOSYS) => "this kernel has no seccomp filters".to_owned(),
        _ => error.to_string(),
    })
}

#[allow(unsafe_code)]
fn set(program: &sock_fprog) -> Result<(), std::io::Error> {
    // SAFETY: the program lives until this returns, and says how long it is; the kernel checks it.
    let result = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            std::ptr::from_ref(program),
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// A program for the kernel's machine, of few forms: load a word, compare it, return.
struct Program(Vec<sock_filter>);

impl Program {
    fn push(&mut self, code: u32, k: u32, on_true: u8, on_false: u8) {
        self.0.push(sock_filter {
            code: code as u16,
            jt: on_true,
            jf: on_false,
            k,
        });
    }

    fn load(&mut self, at: u32) {
        self.push(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0);
    }

    /// The lower half of an argument. Both architectures put it first.
    fn load_argument(&mut self, number: u32) {
        self.load(ARGUMENTS + 8 * number);
    }

    fn mask(&mut self, bits: u32) {
        self.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, bits, 0, 0);
    }

    fn answer(&mut self, answer: u32) {
        self.push(libc::BPF_RET | libc::BPF_K, answer, 0, 0);
    }

    /// `answer` where the loaded word is `k`.
    fn if_equal(&mut self, k: u32, answer: u32) {
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, 0, 1);
        self.answer(answer);
    }

    /// `answer` where the loaded word is not `k`.
    fn unless_equal(&mut self, k: u32, answer: u32) {
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, 1, 0);
        self.answer(answer);
    }

    /// For one call, a check of its arguments; what passes it is allowed.
    fn for_call(&mut self, call: libc::c_long, check: impl FnOnce(&mut Self)) {
        let mut inner = Self(Vec::new());
        check(&mut inner);
        inner.answer(ALLOW);
        let skip = u8::try_from(inner.0.len()).unwrap_or(u8::MAX);
        self.push(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            call as u32,
            0,
            skip,
        );
        self.0.append(&mut inner.0);
    }
}

fn filter(native: u32, own: u32) -> Vec<sock_filter> {
    let no = refuse(libc::EPERM);
    let mut program = Program(Vec::new());
    program.load(ARCHITECTURE);
    program.unless_equal(native, no);
    program.load(NUMBER);
    #[cfg(target_arch = "x86_64")]
    {
        program.push(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, X32, 0, 1);
        program.answer(no);
    }
    // Its flags are in memory, where a filter cannot read them; without it, `clone` is used.
    program.if_equal(libc::SYS_clone3 as u32, refuse(libc::ENOSYS));
    for call in REFUSED.iter().chain(REFUSED_HERE) {
        program.if_equal(*call as u32, no);
    }
    program.for_call(libc::SYS_clone, |check| {
        check.load_argument(0);
        check.mask(THREAD | NAMESPACES);
        check.unless_equal(THREAD, no);
    });
    // To itself alone: this is how a process aborts. The kernel looks at the lower half only.
    for call in [
        libc::SYS_kill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
    ] {
        program.for_call(call, |check| {
            check.load_argument(0);
            check.unless_equal(own, no);
        });
    }
    // Read, and its own.
    program.for_call(libc::SYS_prlimit64, |check| {
        for half in [ARGUMENTS + 16, ARGUMENTS + 20] {
            check.load(half);
            check.unless_equal(0, no);
        }
        check.load_argument(0);
        check.if_equal(own, ALLOW);
        check.unless_equal(0, no);
    });
    // A page of the stack would take its place outside the limit of data along, and grow there. C
    // libraries copy where pages cannot be moved, so this is "no memory" and not "not allowed".
    program.if_equal(libc::SYS_mremap as u32, refuse(libc::ENOMEM));
    // Memory that grows like a stack, and memory that is shared, are not counted for the limit of data.
    program.for_call(libc::SYS_mmap, |check| {
        check.load_argument(3);
        check.mask(GROWING);
        check.if_equal(GROWING, no);
        check.load_argument(3);
        check.mask(SHARED_ANONYMOUS);
        check.if_equal(SHARED_ANONYMOUS, no);
    });
    // A descriptor can be told to signal somebody.
    program.for_call(libc::SYS_fcntl, |check| {
        check.load_argument(1);
        for command in [libc::F_SETOWN, F_SETSIG, F_SETOWN_EX] {
            check.if_equal(command as u32, no);
        }
    });
    program.for_call(libc::SYS_ioctl, |check| {
        check.load_argument(1);
        check.if_equal(TIOCSTI, no);
        check.if_equal(TIOCLINUX, no);
        check.if_equal(FIOSETOWN, no);
        check.if_equal(SIOCSPGRP, no);
    });
    // It ends with the host, and shows its memory to nobody.
    program.for_call(libc::SYS_prctl, |check| {
        check.load_argument(0);
        check.if_equal(libc::PR_SET_PDEATHSIG as u32, no);
        check.if_equal(libc::PR_SET_DUMPABLE as u32, no);
        check.if_equal(libc::PR_SET_MM as u32, no);
        check.if_equal(libc::PR_SET_PTRACER as u32, no);
    });
    program.answer(ALLOW);
    program.0
}

/// The same for one call alone, as the filter of a service may have it.
#[cfg(test)]
pub(super) fn refuse_only(call: libc::c_long) -> Result<(), std::io::Error> {
    let mut program = Program(Vec::new());
    program.load(NUMBER);
    program.if_equal(call as u32, refuse(libc::EPERM));
    program.answer(ALLOW);
    set(&sock_fprog {
        len: program.0.len() as u16,
        filter: program.0.as_mut_ptr(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's machine, as far as [`Program`] uses it.
    fn run(program: &[sock_filter], number: i64, architecture: u32, arguments: [u64; 6]) -> u32 {
        let mut data = Vec::new();
        data.extend((number as u32).to_le_bytes());
        data.extend(architecture.to_le_bytes());
        data.extend(0_u64.to_le_bytes());
        arguments
            .iter()
            .for_each(|argument| data.extend(argument.to_le_bytes()));
        let (mut at, mut word) = (0, 0_u32);
        loop {
            let step = program[at];
            at += 1;
            let code = u32::from(step.code);
            let jump = |taken| usize::from(if taken { step.jt } else { step.jf });
            match code & 0x07 {
                libc::BPF_LD => {
                    let k = step.k as usize;
                    word = u32::from_le_bytes(data[k..k + 4].try_into().unwrap());
                }
                libc::BPF_ALU => word &= step.k,
                libc::BPF_JMP if code & 0xF0 == libc::BPF_JEQ => at += jump(word == step.k),
                libc::BPF_JMP => at += jump(word >= step.k),
                libc::BPF_RET => return step.k,
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn what_is_refused_depends_on_the_call_and_its_arguments() {
        const NATIVE: u32 = 0xC000_003E;
        let filter = filter(NATIVE, 77);
        let no = refuse(libc::EPERM);
        let first = |argument| [argument, 0, 0, 0, 0, 0];
        let answer = |call, arguments| run(&filter, call, NATIVE, arguments);
        for call in REFUSED.iter().chain(REFUSED_HERE) {
            assert_eq!(answer(*call, [0; 6]), no, "{call}");
        }
        for call in [
            libc::SYS_read,
            libc::SYS_mmap,
            libc::SYS_futex,
            libc::SYS_openat,
        ] {
            assert_eq!(answer(call, [0; 6]), ALLOW, "{call}");
        }
        assert_eq!(answer(libc::SYS_clone3, [0; 6]), refuse(libc::ENOSYS));
        let thread = libc::CLONE_THREAD as u64 | libc::CLONE_VM as u64;
        assert_eq!(answer(libc::SYS_clone, first(thread)), ALLOW);
        assert_eq!(answer(libc::SYS_clone, first(17)), no);
        let apart = thread | libc::CLONE_NEWNET as u64;
        assert_eq!(answer(libc::SYS_clone, first(apart)), no);
        // The upper half is not the kernel's business, and no way past it.
        let beyond = first(77 | 1 << 32);
        for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo] {
            assert_eq!(answer(call, first(77)), ALLOW);
            assert_eq!(answer(call, beyond), ALLOW);
            for other in [1, 0, 78, u64::MAX] {
                assert_eq!(answer(call, first(other)), no);
            }
        }
        assert_eq!(answer(libc::SYS_prlimit64, [0, 2, 0, 1, 0, 0]), ALLOW);
        assert_eq!(answer(libc::SYS_prlimit64, [77, 2, 0, 1, 0, 0]), ALLOW);
        assert_eq!(answer(libc::SYS_prlimit64, [1, 2, 0, 1, 0, 0]), no);
        assert_eq!(answer(libc::SYS_prlimit64, [0, 2, 1 << 32, 0, 0, 0]), no);
        assert_eq!(answer(libc::SYS_prlimit64, [0, 2, 8, 0, 0, 0]), no);
        assert_eq!(answer(libc::SYS_ioctl, [0, 0x5412, 0, 0, 0, 0]), no);
        assert_eq!(answer(libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0]), ALLOW);
        let mmap = |flags: i32| answer(libc::SYS_mmap, [0, 9, 3, flags as u64, 0, 0]);
        assert_eq!(mmap(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS), ALLOW);
        assert_eq!(mmap(libc::MAP_SHARED), ALLOW);
        assert_eq!(mmap(libc::MAP_SHARED | libc::MAP_ANONYMOUS), no);
        assert_eq!(mmap(libc::MAP_SHARED_VALIDATE | libc::MAP_ANONYMOUS), no);
        let growing = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN;
        assert_eq!(mmap(growing), no);
        assert_eq!(answer(libc::SYS_mremap, [0; 6]), refuse(libc::ENOMEM));
        assert_eq!(answer(libc::SYS_fcntl, [3, 8, 77, 0, 0, 0]), no);
        assert_eq!(answer(libc::SYS_fcntl, [3, 3, 0, 0, 0, 0]), ALLOW);
        assert_eq!(answer(libc::SYS_prctl, first(1)), no);
        assert_eq!(answer(libc::SYS_prctl, first(15)), ALLOW);
        // Calls of another architecture, and of x32.
        assert_eq!(run(&filter, libc::SYS_read, 0x4000_0003, [0; 6]), no);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(answer(0x4000_0000, [0; 6]), no);
    }
}
