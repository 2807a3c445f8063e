//! `netlab serve` and `netlab fetch`: what labs' containers run where nothing else is installed.

use super::FINE;
use crate::cli::{Fetch, Serve};
use crate::{serve as servers, ui};

pub(super) fn serve(args: &Serve) -> anyhow::Result<u8> {
    servers::run(&args.services)?;
    Ok(FINE)
}

pub(super) fn fetch(args: &Fetch) -> anyhow::Result<u8> {
    ui::print(&servers::fetch(&args.url, args.timeout)?)?;
    Ok(FINE)
}
