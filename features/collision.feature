Feature: One number used for several people never mixes them
  A local id means something only within the establishment that gave it out; and even there a number is at times
  used twice. Then the newcomer becomes an identity of its own, flagged for somebody to look at.

  Background:
    Given the establishments CHB and CHP are enrolled

  Rule: I2, the same number with a name and a birth date that cannot be of one person is another identity

    @live
    Scenario: Four people under one number, as found in real files
      When CHB sends studies under the number 4018119567876617 of:
        | family  | given     | birth date |
        | Maessen | Aytac     | 1958-04-21 |
        | Križ    | Gilead    | 1923-09-30 |
        | OpenREM | PulseData | 2018-01-01 |
        | OpenREM | MultiRDSR | 1958-01-05 |
      Then they are 4 identities
      And each has 1 study of its own
      And the last 3 of them are flagged collision

    Scenario: Two people without a birth date are told apart by name alone
      When CHB sends studies under the number 7941723318697695 of:
        | family  | given    | birth date |
        | OpenREM | Billy    |            |
        | OpenREM | Denilson |            |
      Then they are 2 identities

    @live
    Scenario: A person written in several ways is one identity
      When CHB sends studies under the number 12 of:
        | family     | given      | birth date |
        | LE GOFF    | Anne-Marie | 1980-01-02 |
        | Le-Goff    | Anne Marie | 1980-01-02 |
        | Anne-Marie | Le Goff    | 1980-01-02 |
        | LE GOFF    | A          |            |
      Then they are 1 identity
      And each has 4 studies of its own
      And none of them is flagged

    Scenario: The first study under a number names nobody
      What comes in later tells who it is, and whoever comes next is compared with that.
      When CHB sends studies under the number 12 of:
        | family | given | birth date |
        |        |       |            |
        | DURAND | Marie | 1950-01-01 |
        | MARTIN | Paul  | 1980-01-01 |
      Then they are 2 identities
      And the last 1 of them are flagged collision

    Scenario: The first study under a number has an initial only
      When CHB sends studies under the number 12 of:
        | family | given  | birth date |
        | DURAND | M      |            |
        | DURAND | Marie  | 1950-01-01 |
        | DURAND | Michel | 1980-01-01 |
      Then they are 2 identities
      And the last 1 of them are flagged collision

    Scenario: Nobody named, and two birth dates
      When CHB sends studies under the number 12 of:
        | family | given | birth date |
        |        |       | 1950-01-01 |
        | MARTIN | Paul  | 1980-01-01 |
      Then they are 2 identities
      And the last 1 of them are flagged collision

    @live
    Scenario: Twins whose desk gave them one number
      When CHB sends studies under the number 12 of:
        | family | given | birth date |
        | DURAND | Marie | 1980-01-02 |
        | DURAND | Paul  | 1980-01-02 |
      Then they are 2 identities
      And each has 1 study of its own
      And the last 1 of them are flagged collision

    Scenario: Father and son of one name
      When CHB sends studies under the number 12 of:
        | family | given | birth date |
        | DURAND | Jean  | 1950-03-04 |
        | DURAND | Jean  | 1978-11-21 |
      Then they are 2 identities
      And the last 1 of them are flagged collision

    Scenario: Two given names that share a part
      When CHB sends studies under the number 12 of:
        | family | given       | birth date |
        | DURAND | Jean-Pierre | 1950-03-04 |
        | DURAND | Jean-Paul   | 1950-03-04 |
      Then they are 2 identities

    Scenario: A birth date that is known in part
      When CHB sends studies under the number 12 of:
        | family | given | birth date |
        | DURAND | Marie | 1950-00-00 |
        | DURAND | Marie | 1950-03-04 |
      Then they are 1 identity
      And none of them is flagged

  Rule: Another family name with the same given name and birth date is flagged, not split; but then nothing else differs

    Scenario: Married, most likely: somebody has to look
      When CHB sends studies under the number 12 of:
        | family | given | birth date |
        | DURAND | Marie | 1950-03-04 |
        | MARTIN | Marie | 1950-03-04 |
      Then they are 1 identity
      And it is flagged names_differ

    Scenario: A name that differs and a birth date that differs are of two people
      When CHB sends studies under the number 12 of:
        | family | given | birth date |
        | DURAND | Marie | 1950-01-01 |
        | MARTIN | Paul  | 1950-01-01 |
        | DURAND | Marie | 1980-01-01 |
      Then they are 2 identities

  Rule: The same number of another establishment says nothing

    @live
    Scenario: Two establishments number their patients alike
      When CHB sends a study under the number 12 of Marie Fictive
      And CHP sends a study under the number 12 of Marie Fictive
      Then they are 2 identities
      And none of them is flagged

  Rule: A slip in the birth date, or another sex, under one name is flagged, not split

    Scenario: A typing error in the birth date
      When CHB sends studies under the number 12 of:
        | family  | given | birth date |
        | Fictive | Marie | 1980-01-02 |
        | Fictive | Marie | 1980-01-03 |
      Then they are 1 identity
      And it is flagged traits_differ
