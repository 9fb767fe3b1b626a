//! `fnvet verify`

use std::path::PathBuf;

use super::gate::{Stop, current_folder, ended, stop, usage};
use super::store::{Configured, KeyArgs, refusal};
use super::{Console, ExitStatus};
use crate::approval::trust::Trust;
use crate::approval::verify::{Checked, Demands, Standing, verify};
use crate::approval::{GateError, Policy};
use crate::output::{count, escape};
use crate::source::collect::git_root;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, and folders whose files Git tracks
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Takes allowed_signers, fnvet.toml and fnvet.revoked.json from this commit, never from the work tree
    #[arg(long, value_name = "REF")]
    trust_from: Option<String>,
    /// Accepts approvals whose signature is missing or cannot be checked
    #[arg(long)]
    allow_unsigned: bool,
    /// The trusted policy
    #[arg(long, value_name = "FILE", conflicts_with = "trust_from")]
    config: Option<PathBuf>,
    /// Verifies every active function of this store instead, or of the configured one
    #[arg(long, value_name = "STORE", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["trust_from", "allow_unsigned"])]
    store: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
    /// The program that is started as worker
    #[arg(long, value_name = "FILE", hide = true)]
    worker: Option<PathBuf>,
}

/// Verifies every function that the paths name.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    let verified = if args.store.is_some() { of_store(args, console) } else { of_files(args, console) };
    ended(verified, console)
}

/// Verifies every function of the store that was approved and not revoked.
fn of_store(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let configured = Configured::new(args.config.as_deref(), args.store.as_deref())?;
    let opened = configured.open(&args.keys, args.worker.as_deref(), console)?;
    let verified = opened.wait(opened.registry.verify_active(&opened.caller)).map_err(|error| refusal("verify", &error))?;
    let mut text = String::new();
    for function in &verified {
        let name = format!("{}/{}", function.tenant_id, function.name);
        text.push_str(&match &function.problem {
            None => {
                let stale = if function.is_stale { "; stale-policy: rules or lint settings changed since; it is still clear" } else { "" };
                let until = function.expires_at.split('T').next().unwrap_or_default();
                let (version, approver) = (function.version, escape(&function.approver));
                format!("{:<8} {}: version {version} approved by {approver} until {until}{stale}\n", "ok", escape(&name))
            }
            Some(problem) => format!("{:<8} {}: {}\n", "invalid", escape(&name), escape(problem)),
        });
    }
    let valid = verified.iter().filter(|function| function.problem.is_none()).count();
    text.push_str(&format!("{valid} of {} approved\n", count(verified.len(), "active function")));
    let status = if valid == verified.len() { ExitStatus::Success } else { ExitStatus::Findings };
    Ok(status.and(console.write(|out| out.write_all(text.as_bytes()))))
}

fn of_files(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let current = current_folder()?;
    let trust = match &args.trust_from {
        Some(reference) => {
            let root = git_root(&current).ok_or_else(|| usage("--trust-from: this is not a Git repository"))?;
            Some(Trust::from_reference(&root, reference).map_err(stop)?)
        }
        None => None,
    };
    let policy = args.config.as_deref().map_or_else(|| Ok(Policy::default()), |path| Policy::of_file(path, &current)).map_err(stop)?;
    let demands = Demands { trust, policy, allow_unsigned: args.allow_unsigned };
    let verification = verify(&args.paths, &demands, &current).map_err(stop)?;
    verification.notices.iter().for_each(|notice| console.say(notice));
    if args.allow_unsigned {
        console.say("approvals without a checked signature are accepted (--allow-unsigned)");
    }
    if verification.functions.is_empty() {
        return Err((ExitStatus::Failure, "no input found".to_owned()));
    }
    let mut status = ExitStatus::Success;
    let mut text = String::new();
    for checked in &verification.functions {
        status = status.and(status_of(&checked.standing));
        text.push_str(&line(checked));
    }
    let valid = verification.functions.iter().filter(|checked| matches!(checked.standing, Standing::Valid(_))).count();
    text.push_str(&format!("{valid} of {} approved\n", count(verification.functions.len(), "function")));
    Ok(status.and(console.write(|out| out.write_all(text.as_bytes()))))
}

fn status_of(standing: &Standing) -> ExitStatus {
    match standing {
        Standing::Valid(_) => ExitStatus::Success,
        Standing::Missing | Standing::Invalid(_) => ExitStatus::Findings,
        Standing::Error(GateError::Usage(_)) => ExitStatus::Usage,
        Standing::Error(GateError::Failure(_)) => ExitStatus::Failure,
    }
}

fn line(checked: &Checked) -> String {
    let (word, what) = match &checked.standing {
        Standing::Valid(valid) => {
            let until = valid.expires_at.strftime("%Y-%m-%d");
            let mut what = format!("approved by {} until {until}", valid.approver);
            if valid.is_unsigned {
                what.push_str(", no signature checked");
            }
            for remark in &valid.remarks {
                what.push_str("; ");
                what.push_str(remark);
            }
            ("ok", what)
        }
        Standing::Missing => ("missing", "it has no approval".to_owned()),
        Standing::Invalid(reason) => ("invalid", reason.clone()),
        Standing::Error(error) => ("error", error.to_string()),
    };
    format!("{word:<8} {}: {}\n", escape(&checked.path), escape(&what))
}
