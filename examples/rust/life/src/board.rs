//! The board, and the rules.

/// A board whose edges meet: what leaves it on one side comes back on the other.
///
/// It is its own text, row by row, so that whoever looks at it sees it: `#` is alive, all else dead.
#[derive(PartialEq, Eq)]
#[flawless::value]
#[serde(transparent)]
pub struct Board(Vec<String>);

impl Board {
    fn alive(&self, row: usize, column: usize) -> bool {
        self.0[row].as_bytes().get(column) == Some(&b'#')
    }

    /// Says what is wrong with the board, if anything is.
    ///
    /// # Errors
    ///
    /// When it is too small for a cell to have eight neighbours, or too large to be published.
    pub fn check(&self) -> Result<(), String> {
        let (rows, columns) = self.size();
        if rows.min(columns) < 3 || rows.max(columns) > 200 {
            return Err(format!(
                "a board has 3 to 200 rows and columns, not {rows} x {columns}"
            ));
        }
        Ok(())
    }

    /// How many rows and columns there are.
    pub fn size(&self) -> (usize, usize) {
        (
            self.0.len(),
            self.0.iter().map(String::len).max().unwrap_or(0),
        )
    }

    /// How many cells are alive.
    #[cfg(test)]
    fn population(&self) -> usize {
        self.0.iter().map(|row| row.matches('#').count()).sum()
    }

    /// The next generation: three neighbours bring to life, and two keep alive.
    #[must_use]
    pub fn next(&self) -> Self {
        self.drawn(|row, column| {
            let neighbours = self.neighbours(row, column);
            neighbours == 3 || neighbours == 2 && self.alive(row, column)
        })
    }

    /// The same board with one cell changed.
    #[must_use]
    pub fn toggled(&self, row: usize, column: usize) -> Self {
        self.drawn(|r, c| self.alive(r, c) != ((r, c) == (row, column)))
    }

    fn neighbours(&self, row: usize, column: usize) -> usize {
        let (rows, columns) = self.size();
        let around = |at: usize, size: usize| [(at + size - 1) % size, at, (at + 1) % size];
        let mut count = 0;
        for r in around(row, rows) {
            for c in around(column, columns) {
                count += usize::from((r, c) != (row, column) && self.alive(r, c));
            }
        }
        count
    }

    fn drawn(&self, alive: impl Fn(usize, usize) -> bool) -> Self {
        let (rows, columns) = self.size();
        let draw = |row| {
            (0..columns)
                .map(|column| if alive(row, column) { '#' } else { '.' })
                .collect()
        };
        Self((0..rows).map(draw).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Board;

    fn board(rows: &[&str]) -> Board {
        Board(rows.iter().map(ToString::to_string).collect())
    }

    /// A blinker blinks, a block stays, and a glider crosses the edges and comes home.
    #[test]
    fn rules() {
        let blinker = board(&[".....", "..#..", "..#..", "..#..", "....."]);
        let lying = board(&[".....", ".....", ".###.", ".....", "....."]);
        assert_eq!(blinker.next(), lying);
        assert_eq!(blinker.next().next(), blinker);
        let block = board(&["....", ".##.", ".##.", "...."]);
        assert_eq!(block.next(), block);
        let glider = board(&[".#....", "..#...", "###...", "......", "......", "......"]);
        let mut later = glider.clone();
        for _ in 0..24 {
            later = later.next();
            assert_eq!(later.population(), 5);
        }
        assert_eq!(later, glider);
    }

    /// Rows of different lengths are filled up, and cells outside of the board are nobody's.
    #[test]
    fn odd_boards() {
        let odd = board(&["#", "##", ""]);
        assert_eq!(odd.toggled(9, 9), board(&["#.", "##", ".."]));
        assert_eq!(odd.toggled(0, 0).population(), 2);
        assert_eq!(board(&[]).next(), board(&[]));
    }
}
