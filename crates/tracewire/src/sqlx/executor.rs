//! What every executor of ours has in common: all methods of sqlx's trait.

/// The body of an `Executor`: `$self` becomes the settings and the place to run.
macro_rules! executor {
    ($c:lifetime, $this:ident => $parts:expr) => {
        fn execute<'e, 'q: 'e, Q>(
            self,
            query: Q,
        ) -> BoxFuture<'e, Result<<Self::Database as Database>::QueryResult, Error>>
        where
            $c: 'e,
            Q: 'q + Execute<'q, Self::Database>,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::execute(config, source, query)
        }

        fn execute_many<'e, 'q: 'e, Q>(
            self,
            query: Q,
        ) -> BoxStream<'e, Result<<Self::Database as Database>::QueryResult, Error>>
        where
            $c: 'e,
            Q: 'q + Execute<'q, Self::Database>,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::execute_many(config, source, query)
        }

        fn fetch<'e, 'q: 'e, Q>(
            self,
            query: Q,
        ) -> BoxStream<'e, Result<<Self::Database as Database>::Row, Error>>
        where
            $c: 'e,
            Q: 'q + Execute<'q, Self::Database>,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::fetch(config, source, query)
        }

        fn fetch_many<'e, 'q: 'e, Q>(
            self,
            query: Q,
        ) -> BoxStream<
            'e,
            Result<
                Either<
                    <Self::Database as Database>::QueryResult,
                    <Self::Database as Database>::Row,
                >,
                Error,
            >,
        >
        where
            $c: 'e,
            Q: 'q + Execute<'q, Self::Database>,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::fetch_many(config, source, query)
        }

        fn fetch_all<'e, 'q: 'e, Q>(
            self,
            query: Q,
        ) -> BoxFuture<'e, Result<Vec<<Self::Database as Database>::Row>, Error>>
        where
            $c: 'e,
            Q: 'q + Execute<'q, Self::Database>,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::fetch_all(config, source, query)
        }

        fn fetch_one<'e, 'q: 'e, Q>(
            self,
            query: Q,
        ) -> BoxFuture<'e, Result<<Self::Database as Database>::Row, Error>>
        where
            $c: 'e,
            Q: 'q + Execute<'q, Self::Database>,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::fetch_one(config, source, query)
        }

        fn fetch_optional<'e, 'q: 'e, Q>(
            self,
            query: Q,
        ) -> BoxFuture<'e, Result<Option<<Self::Database as Database>::Row>, Error>>
        where
            $c: 'e,
            Q: 'q + Execute<'q, Self::Database>,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::fetch_optional(config, source, query)
        }

        fn prepare_with<'e>(
            self,
            sql: SqlStr,
            parameters: &'e [<Self::Database as Database>::TypeInfo],
        ) -> BoxFuture<'e, Result<<Self::Database as Database>::Statement, Error>>
        where
            $c: 'e,
        {
            let $this = self;
            let (config, source) = $parts;
            execute::prepare(config, source, sql, parameters)
        }

        /// For the macros at compile time, so without a span.
        fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Self::Database>, Error>>
        where
            $c: 'e,
        {
            let $this = self;
            let (_, source) = $parts;
            Source::bare(source).describe(sql)
        }
    };
}

pub(super) use executor;
