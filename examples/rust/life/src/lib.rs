//! Conway's game of life, at a pace of one generation a minute, an hour, or a day.

mod board;

use std::time::Duration;

use flawless::{Failure, Result, continue_as_new, now, publish, receive, workflow};

use board::Board;

/// After so many generations the next run begins, with an empty journal.
const GENERATIONS_OF_A_RUN: u64 = 100;

/// A game: what one run hands to the next, and what is published in each generation.
#[flawless::value]
pub struct Game {
    /// The board, row by row; `#` is alive.
    pub board: Board,
    /// Which generation it is.
    #[serde(default)]
    pub generation: u64,
    /// How long a generation lasts.
    #[serde(default = "a_minute")]
    pub pace_s: f64,
    /// Whether time stands still.
    #[serde(default)]
    pub paused: bool,
    /// The generation that ends the game, if nothing else does.
    #[serde(default)]
    pub last: Option<u64>,
}

fn a_minute() -> f64 {
    60.0
}

/// Another pace.
#[flawless::value]
pub struct Pace {
    /// How long a generation lasts from now on.
    pub seconds: f64,
}

/// A cell of the board, which dies or comes to life.
#[flawless::value]
pub struct Cell {
    /// Its row, from 0 on.
    pub row: usize,
    /// Its column, from 0 on.
    pub column: usize,
}

/// Plays until nothing changes any more, or to the last generation, or for ever.
#[workflow(messages(pause = (), resume = (), pace = Pace, toggle = Cell))]
fn life(game: Game) -> Result<Game> {
    let mut game = game;
    game.board.check().map_err(Failure::new)?;
    loop {
        publish(&game)?;
        listen(&mut game)?;
        let next = game.board.next();
        if next == game.board || game.last.is_some_and(|last| game.generation >= last) {
            return Ok(game);
        }
        game.board = next;
        game.generation += 1;
        if game.generation.is_multiple_of(GENERATIONS_OF_A_RUN) {
            return continue_as_new((game,));
        }
    }
}

/// Waits for the next generation, and does meanwhile what it is told.
fn listen(game: &mut Game) -> Result<()> {
    let mut left = duration(game.pace_s)?;
    loop {
        let began = now();
        let timeout = (!game.paused).then_some(left);
        let names = ["pause", "resume", "pace", "toggle"];
        let Some(message) = receive::message(&names, timeout)? else {
            return Ok(());
        };
        if !game.paused {
            left = left.saturating_sub(now().duration_since(began)?);
        }
        match message.name.as_str() {
            "pause" => game.paused = true,
            "resume" => game.paused = false,
            "pace" => {
                let pace: Pace = message.payload()?;
                left = duration(pace.seconds)?;
                game.pace_s = pace.seconds;
            }
            _ => {
                let cell: Cell = message.payload()?;
                game.board = game.board.toggled(cell.row, cell.column);
            }
        }
        publish(&*game)?;
    }
}

fn duration(seconds: f64) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(seconds)?)
}
